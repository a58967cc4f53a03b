/* SPDX-License-Identifier: MIT */
#include <tend.hpp>

int broken(tend::process &p);

int broken(tend::process &p)
{
	return p.nothing();
}
