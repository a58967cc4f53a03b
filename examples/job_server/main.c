/* SPDX-License-Identifier: MIT */
/*
 * A web server that runs jobs: those commands that its command line names.  Each of its viewers sees the output of a
 * job live and from the beginning, as far as that is kept, and may stop it.  It ends in order at SIGTERM and SIGINT.
 * README.md says what to look at.
 *
 * usage: job_server [OPTION...] [--job NAME=PROGRAM [ARG...]]...
 *        (default: three jobs that show what there is to see)
 */
#include "http.h"
#include "jobs.h"
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_COMMANDS 64
#define MAX_HOSTS 8
#define MAX_NAME 64 /* bytes */
#define MAX_SECONDS 86400

static const char usage[] =
	"usage: job_server [OPTION...] [--job NAME=PROGRAM [ARG...]]...\n"
	"  --port N           (8080; 0: any that is free)\n"
	"  --listen ADDRESS   (127.0.0.1)\n"
	"  --host NAME[:PORT] what requests may have in Host besides the address and localhost\n"
	"  --max-jobs N       that are remembered (16)\n"
	"  --max-viewers N    of all jobs together (32)\n"
	"  --replay BYTES     of each job's output that are kept for those who come late (1048576)\n"
	"  --idle SECONDS     after which a connection on which nothing moves is closed (30)\n"
	"  --grace SECONDS    between SIGTERM and SIGKILL (2)\n"
	"  --leave SECONDS    for viewers to take what they are owed, when the server ends (5)\n"
	"  --job NAME=PROGRAM [ARG...]   a command, with all that follows up to the next --job; no shell is involved\n";

static const char counting[] = "for i in $(seq 1 100); do echo line $i; sleep 0.1; done";
static const char ignoring[] =
	"trap 'echo I was asked to end, and do not' TERM; while :; do echo busy; sleep 0.5; done";

static const struct command examples[] = {
	{ "count", (const char *const[]){ "sh", "-c", counting, NULL } },
	{ "flood", (const char *const[]){ "seq", "1", "1000000", NULL } },
	{ "stubborn", (const char *const[]){ "sh", "-c", ignoring, NULL } },
};

struct options {
	struct http_options http;
	struct jobs_options jobs;
	struct command commands[MAX_COMMANDS];
	const char *hosts[MAX_HOSTS + 1];
	size_t n_hosts;
	size_t leave_seconds;
};

/* ---- options ---- */

static int complain(const char *what)
{
	fprintf(stderr, "job_server: %s\n%s", what, usage);
	return -1;
}

static int parse_number(const char *text, unsigned long most, size_t *ret)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n > most)
		return complain("this is not a number that is allowed here");
	*ret = n;
	return 0;
}

static int parse_grace(const char *text, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	if (end == text || *end || !(*ret >= 0 && *ret <= MAX_SECONDS))
		return complain("this is not a time that is allowed here");
	return 0;
}

static int parse_idle(const char *text, unsigned *ret)
{
	size_t seconds;

	if (parse_number(text, MAX_SECONDS, &seconds) < 0)
		return -1;
	*ret = (unsigned)seconds;
	return seconds < 3 ? complain("this is too short a time") : 0;
}

static int add_host(struct options *o, const char *host)
{
	if (o->n_hosts == MAX_HOSTS)
		return complain("too many hosts");
	o->hosts[o->n_hosts++] = host;
	return 0;
}

static int parse_option(struct options *o, int option, const char *value)
{
	size_t port;

	switch (option) {
	case 'p':
		if (parse_number(value, 65535, &port) < 0)
			return -1;
		o->http.port = (unsigned short)port;
		return 0;
	case 'l':
		o->http.address = value;
		return 0;
	case 'o':
		return add_host(o, value);
	case 'm':
		return parse_number(value, 10000, &o->jobs.max_jobs);
	case 'v':
		return parse_number(value, 10000, &o->jobs.max_viewers);
	case 'r':
		return parse_number(value, 1ul << 30, &o->jobs.replay_bytes);
	case 'i':
		return parse_idle(value, &o->http.idle_seconds);
	case 'g':
		return parse_grace(value, &o->jobs.grace);
	case 'e':
		return parse_number(value, MAX_SECONDS, &o->leave_seconds);
	default:
		return complain("this is not an option");
	}
}

/* "NAME=PROGRAM", which is cut in two; NULL where it is not that. */
static char *cut_name(char *word)
{
	char *equals = strchr(word, '=');

	if (!equals || equals == word || equals - word > MAX_NAME || !equals[1])
		return NULL;
	*equals = '\0';
	return equals + 1;
}

/* `words` is NULL-terminated and begins with "--job"; a NULL takes the place of each further one. */
static int parse_jobs(struct options *o, char **words)
{
	while (*words) {
		struct command *command = &o->commands[o->jobs.n_commands];

		if (o->jobs.n_commands == MAX_COMMANDS)
			return complain("too many jobs");
		*words++ = NULL;
		command->name = *words;
		if (!*words || !(*words = cut_name(*words)))
			return complain("--job needs NAME=PROGRAM");
		command->argv = (const char *const *)words;
		o->jobs.n_commands++;
		while (*words && strcmp(*words, "--job") != 0)
			words++;
	}
	return 0;
}

/* The options, up to the first --job, and then the jobs. */
static int parse(struct options *o, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "port", required_argument, NULL, 'p' },        { "listen", required_argument, NULL, 'l' },
		{ "host", required_argument, NULL, 'o' },        { "max-jobs", required_argument, NULL, 'm' },
		{ "max-viewers", required_argument, NULL, 'v' }, { "replay", required_argument, NULL, 'r' },
		{ "idle", required_argument, NULL, 'i' },        { "grace", required_argument, NULL, 'g' },
		{ "leave", required_argument, NULL, 'e' },       { 0 },
	};
	int n = 1, option;

	while (n < argc && strcmp(argv[n], "--job") != 0)
		n++;
	opterr = 0;
	while ((option = getopt_long(n, argv, "+", long_options, NULL)) != -1)
		if (parse_option(o, option, optarg) < 0)
			return -1;
	if (optind < n)
		return complain("this is not an option");
	if (o->jobs.max_jobs == 0 || o->jobs.max_viewers == 0 || o->jobs.replay_bytes == 0)
		return complain("there must be at least one");
	return parse_jobs(o, argv + n);
}

/* ---- the server's life ---- */

/* Viewers see how their job ends before they are let go of; then nobody uses the jobs any more. */
static int end(struct http *http, struct jobs *jobs, size_t leave_seconds)
{
	struct tend_error err;

	http_close(http);
	if (jobs_shut_down(jobs, &err) < 0) {
		/* Whom not even SIGKILL ends the kernel holds.  His keeper and his viewers would wait with him. */
		fprintf(stderr, "job_server: %s\n", err.message);
		_exit(1);
	}
	jobs_await_leave(jobs, (time_t)leave_seconds);
	http_free(http);
	jobs_free(jobs);
	return 0;
}

static int serve(const struct options *o, const sigset_t *until)
{
	struct jobs *jobs = jobs_new(&o->jobs);
	struct http *http;
	int signal;

	if (!jobs) {
		perror("job_server");
		return 1;
	}
	http = http_new(&o->http, jobs);
	if (!http) {
		jobs_free(jobs);
		return 1;
	}
	printf("job_server: listening at %s\n", http_url(http));
	fflush(stdout);
	sigwait(until, &signal);
	printf("job_server: shutting down\n");
	fflush(stdout);
	return end(http, jobs, o->leave_seconds);
}

int main(int argc, char **argv)
{
	struct options o = {
		.http = { .address = "127.0.0.1", .port = 8080, .idle_seconds = 30 },
		.jobs = { .max_jobs = 16, .max_viewers = 32, .replay_bytes = 1 << 20, .grace = 2 },
		.leave_seconds = 5,
	};
	sigset_t until;

	o.jobs.commands = o.commands;
	if (parse(&o, argc, argv) < 0)
		return 2;
	if (o.jobs.n_commands == 0) {
		o.jobs.commands = examples;
		o.jobs.n_commands = sizeof(examples) / sizeof(examples[0]);
	}
	o.http.hosts = o.hosts;
	o.http.max_viewers = o.jobs.max_viewers;
	/* Before there are threads: all of them have them blocked, and sigwait(3) takes them. */
	sigemptyset(&until);
	sigaddset(&until, SIGTERM);
	sigaddset(&until, SIGINT);
	pthread_sigmask(SIG_BLOCK, &until, NULL);
	signal(SIGPIPE, SIG_IGN); /* a viewer who has gone is an error of the write; children have the default */
	return serve(&o, &until);
}
