/* SPDX-License-Identifier: MIT */
/* A child that ends at once with the exit code N. */
#include "helper.h"

int main(int argc, char **argv)
{
	need(argc, argv, 1);
	_exit((int)number(argc, argv, 1, 0));
}
