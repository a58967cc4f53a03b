/* SPDX-License-Identifier: MIT */
/*
 * doc/SECURITY.md: what a child is given, its arguments, its environment and what it reads, is nobody else's business.
 * It is in no name, message or log event, unless the caller asks for it by .auto_name.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "test.h"

#define SECRET "xyzzy-0451"

static const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(60));

/* ---- everything that is said, as one text ---- */

static struct {
	pthread_mutex_t lock;
	char text[64 << 10]; /* guarded by lock */
	size_t used, n_events;
	bool listens;
} said = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void note(const char *text)
{
	pthread_mutex_lock(&said.lock);
	if (said.listens && said.used + strlen(text) + 2 < sizeof said.text)
		said.used += (size_t)sprintf(said.text + said.used, "%s\n", text);
	pthread_mutex_unlock(&said.lock);
}

static void note_event(void *arg, const struct tend_log_event *e)
{
	(void)arg;
	note(e->event);
	note(e->name);
	note(e->message);
	pthread_mutex_lock(&said.lock);
	said.n_events++;
	pthread_mutex_unlock(&said.lock);
}

static void note_error(const struct tend_error *e)
{
	note(e->name);
	note(e->message);
}

static void begin(void)
{
	pthread_mutex_lock(&said.lock);
	said.used = said.n_events = 0;
	said.text[0] = '\0';
	said.listens = true;
	pthread_mutex_unlock(&said.lock);
}

static bool has_said(const char *what)
{
	bool has;

	pthread_mutex_lock(&said.lock);
	has = strstr(said.text, what) != NULL;
	pthread_mutex_unlock(&said.lock);
	return has;
}

/* Nothing at all would also be without secrets. */
static void end(bool leaks)
{
	pthread_mutex_lock(&said.lock);
	said.listens = false;
	pthread_mutex_unlock(&said.lock);
	CHECK(said.used > 0);
	CHECK_INT(leaks, has_said(SECRET));
	if (!leaks && has_said(SECRET))
		CHECK_STR("", said.text);
}

/* ---- a child all of whose choices hold a secret ---- */

static const char *const variables[] = { "PATH=/nowhere/" SECRET, "TOKEN=" SECRET, NULL };
static const char *const more_variables[] = { "PASSWORD=" SECRET, NULL };

/* The arguments come behind the program, which is no secret. */
static struct tend_spawn secretive(const char *const *argv)
{
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);

	s.env = variables;
	s.env_set = more_variables;
	s.in = TEND_IN_BYTES(SECRET, sizeof SECRET - 1);
	return s;
}

static void fails(const struct tend_spawn *s, int error)
{
	struct tend_error e = { .code = 0 };
	tend_process *p = NULL;

	CHECK_INT(-error, tend_spawn(s, &p, &e));
	note_error(&e);
	tend_process_free(p);
}

/* From the spawn to the exit, by a stop, with all that is logged on the way. */
static void a_whole_life(enum tend_auto_name auto_name)
{
	const char *argv[] = { helper("obedient"), SECRET, NULL };
	struct tend_spawn s = secretive(argv);
	struct tend_stop_report report;
	struct tend_error e = { .code = 0 };
	tend_process *p = NULL;
	struct tend_exit ended;

	s.auto_name = auto_name;
	begin();
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	CHECK_OK(tend_process_stop(p, &plan, &report, &e), &e);
	CHECK_INT(-EINVAL, tend_process_signal(p, 12345, TEND_GROUP, &e));
	note_error(&e);
	CHECK(tend_process_stdin_write(p, SECRET, 1, TEND_AT_ONCE, NULL, &e) < 0); /* it has no pipe */
	note_error(&e);
	test_wait(p, &ended);
	tend_process_free(p);
	CHECK(said.n_events >= 3);
	CHECK(has_said("obedient"));
}

static void a_life_tells_no_secrets(void)
{
	a_whole_life(0);
	end(false);
}

/* The control, and the promise of .auto_name: it is there when asked for. */
static void names_on_request_do(void)
{
	a_whole_life(TEND_NAME_ARGS);
	end(true);
	a_whole_life(TEND_NAME_ENV_ARGS);
	CHECK(has_said("TOKEN=" SECRET) && has_said("PASSWORD=" SECRET));
	end(true);
}

static void failed_starts_tell_no_secrets(void)
{
	const char *missing[] = { "/nowhere/program", SECRET, NULL }, *there[] = { helper("true-er"), SECRET, NULL };
	const char *folder[] = { "/", SECRET, NULL }, *const no_assignment[] = { SECRET, NULL };
	const struct tend_rlimit wrong = { .resource = 12345 };
	struct tend_spawn s = secretive(missing);

	begin();
	fails(&s, ENOENT);
	s.argv = folder;
	fails(&s, EACCES);
	s = secretive(there);
	s.env = no_assignment;
	fails(&s, EINVAL);
	s = secretive(there);
	s.env_set = no_assignment;
	fails(&s, EINVAL);
	s = secretive(there);
	s.rlimits = &wrong;
	s.n_rlimits = 1;
	fails(&s, EINVAL);
	CHECK(has_said("/nowhere/program"));
	end(false);
}

/* Whichever of its calls fails. */
static void failed_calls_tell_no_secrets(void)
{
	const char *argv[] = { helper("true-er"), SECRET, NULL };
	struct tend_spawn s = secretive(argv);
	size_t fds = test_count_fds();
	bool hit = true;
	unsigned long i;

	begin();
	for (i = 1; hit && i < 1000; i++) {
		struct tend_error e = { .code = 0 };
		tend_process *p = NULL;

		fault_only_this_thread(true);
		fault_fail_sys(NULL, i, ENOMEM);
		if (tend_spawn(&s, &p, &e) < 0)
			note_error(&e);
		hit = fault_fired();
		fault_reset();
		tend_process_free(p);
		test_settle(fds);
	}
	CHECK(!hit && i > 5);
	end(false);
}

/* ---- no shell ---- */

static void write_script(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (CHECK(f != NULL)) {
		CHECK(fputs(text, f) >= 0);
		CHECK_INT(0, fclose(f));
		CHECK_INT(0, chmod(path, 0755));
	}
}

/*
 * execvp(3) gives a text file without "#!" to /bin/sh; here it is no program.  Nor does a shell look at arguments: they
 * arrive as they are.
 */
static void no_shell(void)
{
	static const char *const marks[] = { "script-ran", "argument-ran" };
	static const char argument[] = "; : > argument-ran; $(: > argument-ran) `: > argument-ran` | * \\ \" ' &";
	char folder[] = "/tmp/tend-no-shell-XXXXXX", script[64], mark[64], out[256];
	const char *argv[] = { script, NULL };
	const char *printed[] = { helper("printer"), argument, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	if (!CHECK(mkdtemp(folder) != NULL))
		return;
	snprintf(script, sizeof script, "%s/script", folder);
	write_script(script, ": > script-ran\n");
	s.cwd = folder;
	fails(&s, ENOEXEC);
	s.argv = printed;
	if (test_output_of(&s, out, sizeof out))
		CHECK_STR("; : > argument-ran; $(: > argument-ran) `: > argument-ran` | *  \" ' &", out);
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		snprintf(mark, sizeof mark, "%s/%s", folder, marks[i]);
		CHECK(access(mark, F_OK) != 0);
	}
	CHECK_INT(0, unlink(script));
	CHECK_INT(0, rmdir(folder)); /* so nothing else was left in it */
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "a_life_tells_no_secrets", a_life_tells_no_secrets },
		{ "names_on_request_do", names_on_request_do },
		{ "failed_starts_tell_no_secrets", failed_starts_tell_no_secrets },
		{ "failed_calls_tell_no_secrets", failed_calls_tell_no_secrets },
		{ "no_shell", no_shell },
	};

	tend_set_log(note_event, NULL, TEND_LOG_DEBUG); /* its record is never freed, so it is made before any test */
	return test_main(argc, argv, "secrets", tests, sizeof tests / sizeof *tests);
}
