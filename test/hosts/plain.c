/* SPDX-License-Identifier: MIT */
/* A host that is linked with the library, in whatever way. */
#include <stdio.h>

#include "scenario.h"

int main(void)
{
	const char *wrong = scenario();

	printf("%s\n", wrong ? wrong : "good");
	printf("left %d\n", scenario_leave_one());
	return wrong != NULL;
}
