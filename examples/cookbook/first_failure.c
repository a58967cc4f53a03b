/* SPDX-License-Identifier: MIT */
/*
 * Runs several commands of the shell at the same time, each with a thread that waits for it.  When one fails, one event
 * that all of these threads watch ends the others, all at the same time.
 *
 * usage: first_failure COMMAND...      (at most 16)
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <tend.h>

#define MAX_JOBS 16

static struct job {
	const char *command;
	tend_process *child;
	int exit_fd;
	struct tend_exit exit;
	bool is_cancelled;
	pthread_t thread;
} jobs[MAX_JOBS];

static int cancel_fd; /* readable for good, for all who poll it, once somebody has failed */

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "first_failure: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static bool has_failed(const struct tend_exit *e)
{
	return e->kind != TEND_EXITED || e->code != 0;
}

/* The exit of a child that has exited already wins against the event. */
static void *watch(void *arg)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(2));
	struct job *job = arg;
	struct pollfd fds[] = {
		{ .fd = job->exit_fd, .events = POLLIN },
		{ .fd = cancel_fd, .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0) /* EINTR */
		;
	job->is_cancelled = !fds[0].revents;
	if (job->is_cancelled)
		tend_process_stop(job->child, &plan, NULL, NULL);
	tend_process_wait(job->child, TEND_SECONDS(5), &job->exit, NULL);
	if (!job->is_cancelled && has_failed(&job->exit))
		eventfd_write(cancel_fd, 1);
	return NULL;
}

static int start(struct job *job, struct tend_error *err)
{
	const char *const argv[] = { "sh", "-c", job->command, NULL };
	int r = tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                         .in = TEND_IN_NULL,
	                                         .out = TEND_OUT_INHERIT,
	                                         .err = TEND_OUT_INHERIT,
	                                         .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	                   &job->child, err);

	if (r < 0)
		return fail(err);
	job->exit_fd = tend_process_exit_fd(job->child);
	if (job->exit_fd >= 0 && pthread_create(&job->thread, NULL, watch, job) == 0)
		return 0;
	fprintf(stderr, "first_failure: cannot watch %s\n", job->command);
	tend_process_free(job->child);
	return 125;
}

/* 1 when it has failed or was cancelled. */
static int finish(struct job *job, int number)
{
	pthread_join(job->thread, NULL);
	printf("job %d: %s, exit code %d, signal %d\n", number, job->is_cancelled ? "cancelled" : "ended",
	       job->exit.code, job->exit.signal);
	tend_process_free(job->child);
	return has_failed(&job->exit);
}

int main(int argc, char **argv)
{
	struct tend_error err;
	int status = 0, n = 0;

	cancel_fd = eventfd(0, EFD_CLOEXEC);
	if (argc < 2 || argc > MAX_JOBS + 1) {
		fprintf(stderr, "usage: first_failure COMMAND...\n");
		return 2;
	}
	if (cancel_fd < 0) {
		perror("first_failure: eventfd");
		return 125;
	}
	while (n < argc - 1 && status == 0) {
		jobs[n].command = argv[n + 1];
		status = start(&jobs[n], &err);
		n += status == 0;
	}
	if (status)
		eventfd_write(cancel_fd, 1);
	for (int i = 0; i < n; i++)
		status |= finish(&jobs[i], i + 1);
	return status;
}
