/* SPDX-License-Identifier: MIT */
/*
 * A host that does not know the library: it loads a plugin that is linked with it, uses and unloads it, while threads
 * of the library and children live; and then again.  What it left running is ended when it exits.
 *
 *     plugin PATH-OF-THE-PLUGIN
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether any mapping has `name` in its path. */
static int is_mapped(const char *name)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[4096];
	int found = 0;

	while (f && fgets(line, sizeof line, f))
		found |= strstr(line, name) != NULL;
	if (f)
		fclose(f);
	return found;
}

/* On a thread that ends before the plugin goes: what it kept for itself is given up without the plugin's code. */
static void *use(void *arg)
{
	void *plugin = arg;
	const char *(*scenario)(void);

	*(void **)&scenario = dlsym(plugin, "scenario");
	return (void *)(scenario ? scenario() : "no scenario");
}

int main(int argc, char **argv)
{
	int (*leave_one)(void);

	for (int i = 0; argc == 2 && i < 3; i++) {
		void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL), *wrong = NULL;
		pthread_t thread;

		if (!plugin) {
			printf("%s\n", dlerror());
			return 1;
		}
		if (pthread_create(&thread, NULL, use, plugin) != 0 || pthread_join(thread, &wrong) != 0)
			return 2;
		printf("%s\n", wrong ? (char *)wrong : "good");
		*(void **)&leave_one = dlsym(plugin, "scenario_leave_one");
		printf("left %d\n", leave_one());
		if (wrong || dlclose(plugin) != 0)
			return 3;
		if (is_mapped("/plugin.so")) /* it is the library that stays, not who is linked with it */
			printf("the plugin is still there\n");
		if (!is_mapped("/libtend.so") || !is_mapped("/liburcu"))
			printf("the library is gone\n");
	}
	return 0;
}
