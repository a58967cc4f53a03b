/* SPDX-License-Identifier: MIT */
/*
 * libmicrohttpd gives each connection a thread, so that a viewer may wait for output, and a stop for its end, without
 * anybody else having to wait for them.  How many there are has a limit.
 */
#include "http.h"
#include "guard.h"
#include "page.h"
#include "viewer.h"
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Those who are no viewers: starting, stopping, asking. */
#define OTHER_CONNECTIONS 16
#define EVENTS_AT_A_TIME 16384

struct http {
	struct jobs *jobs;
	struct guard guard;
	struct MHD_Daemon *daemon;
	unsigned quiet_seconds; /* so that who takes what he is sent is never idle */
	char url[128];
};

typedef struct MHD_Connection connection;

/* ---- answers ---- */

/* Takes the response. */
static enum MHD_Result answer(connection *c, unsigned status, const char *type, struct MHD_Response *take_response)
{
	enum MHD_Result r;

	if (!take_response)
		return MHD_NO;
	MHD_add_response_header(take_response, "Content-Type", type);
	MHD_add_response_header(take_response, "Cache-Control", "no-store");
	MHD_add_response_header(take_response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(take_response, "Cross-Origin-Resource-Policy", "same-origin");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(take_response, "Allow", "GET, POST");
	r = MHD_queue_response(c, status, take_response);
	MHD_destroy_response(take_response);
	return r;
}

/* Takes what the text has; NULL: it is not whole. */
static struct MHD_Response *response_of(struct text *take_text)
{
	struct MHD_Response *response = NULL;

	if (!take_text->has_failed)
		response = MHD_create_response_from_buffer(take_text->size, take_text->data, MHD_RESPMEM_MUST_COPY);
	text_free(take_text);
	return response;
}

static enum MHD_Result answer_json(connection *c, unsigned status, struct text *take_text)
{
	return answer(c, status, "application/json", response_of(take_text));
}

static enum MHD_Result refuse(connection *c, unsigned status, const char *why)
{
	struct text text = { 0 };

	text_printf(&text, "{\"error\":");
	text_json(&text, why, strlen(why));
	text_printf(&text, "}\n");
	return answer_json(c, status, &text);
}

/* ---- requests ---- */

static enum MHD_Result send_page(connection *c)
{
	struct text text = { 0 };
	struct MHD_Response *response;
	char policy[PAGE_POLICY_ROOM];

	if (!page_write(&text, policy)) {
		text_free(&text);
		return MHD_NO;
	}
	response = response_of(&text);
	if (response) {
		MHD_add_response_header(response, "Content-Security-Policy", policy);
		MHD_add_response_header(response, "Referrer-Policy", "same-origin");
	}
	return answer(c, MHD_HTTP_OK, "text/html; charset=utf-8", response);
}

static enum MHD_Result list_jobs(struct http *http, connection *c)
{
	struct text text = { 0 };

	jobs_describe(http->jobs, &text);
	return answer_json(c, MHD_HTTP_OK, &text);
}

static enum MHD_Result start_job(struct http *http, connection *c)
{
	const char *name = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "name");
	struct text text = { 0 };
	struct tend_error err;
	unsigned id;

	switch (jobs_start(http->jobs, name ? name : "", &id, &err)) {
	case 0:
		text_printf(&text, "{\"id\":%u}\n", id);
		return answer_json(c, MHD_HTTP_CREATED, &text);
	case -ENOENT:
		/* The command's own file may be what is not there. */
		return refuse(c, err.step == TEND_STEP_NONE ? MHD_HTTP_NOT_FOUND : MHD_HTTP_INTERNAL_SERVER_ERROR,
		              err.message);
	case -EBUSY:
	case -ESHUTDOWN:
		return refuse(c, MHD_HTTP_SERVICE_UNAVAILABLE, err.message);
	default:
		return refuse(c, MHD_HTTP_INTERNAL_SERVER_ERROR, err.message);
	}
}

static enum MHD_Result stop_job(connection *c, struct job *take_job)
{
	struct text text = { 0 };
	struct tend_stop_report report;
	struct tend_error err;
	int r = job_stop(take_job, &report, &err);

	job_put(take_job);
	if (r < 0)
		return refuse(c, MHD_HTTP_INTERNAL_SERVER_ERROR, err.message);
	text_printf(&text, "{\"outcome\":\"%s\",\"signals\":%zu,\"ms\":%lld}\n", tend_stopped_name(report.outcome),
	            report.n_signals, (long long)(report.duration_ns / 1000000));
	return answer_json(c, MHD_HTTP_OK, &text);
}

static ssize_t read_events(void *viewer, uint64_t position, char *bytes, size_t room)
{
	ssize_t n = viewer_read(viewer, bytes, room);

	(void)position;
	return n > 0 ? n : n == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_viewer(void *viewer)
{
	viewer_free(viewer);
}

static enum MHD_Result watch_job(const struct http *http, connection *c, struct job *take_job)
{
	const struct viewer_options options = {
		.fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
		.quiet_seconds = http->quiet_seconds,
		.last_event_id = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Last-Event-ID"),
	};
	struct MHD_Response *response;
	struct viewer *viewer;
	int r = viewer_new(take_job, &options, &viewer);

	if (r < 0)
		return refuse(c, MHD_HTTP_SERVICE_UNAVAILABLE, r == -EBUSY ? "Too many are watching." : strerror(-r));
	response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, EVENTS_AT_A_TIME, read_events, viewer, free_viewer);
	if (!response)
		viewer_free(viewer);
	return answer(c, MHD_HTTP_OK, "text/event-stream", response);
}

/* ---- which is which ---- */

/* The rest of a path behind /jobs/N; NULL: that is not its beginning. */
static const char *parse_job(const char *path, unsigned *ret_id)
{
	static const char prefix[] = "/jobs/";
	const char *digits = path + sizeof(prefix) - 1;
	size_t n;

	if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	n = strspn(digits, "0123456789");
	if (n == 0 || n > 9)
		return NULL;
	*ret_id = (unsigned)strtoul(digits, NULL, 10);
	return digits + n;
}

static enum MHD_Result serve_job(struct http *http, connection *c, bool is_post, const char *path)
{
	unsigned id = 0;
	const char *rest = parse_job(path, &id);
	bool is_watch = rest && !is_post && strcmp(rest, "/events") == 0;
	bool is_stop = rest && is_post && strcmp(rest, "/stop") == 0;
	struct job *job = is_watch || is_stop ? jobs_get(http->jobs, id) : NULL;

	if (!job)
		return refuse(c, MHD_HTTP_NOT_FOUND, "There is no such thing here.");
	return is_watch ? watch_job(http, c, job) : stop_job(c, job);
}

static enum MHD_Result serve(struct http *http, connection *c, bool is_post, const char *path)
{
	if (strcmp(path, "/jobs") == 0)
		return is_post ? start_job(http, c) : list_jobs(http, c);
	if (strcmp(path, "/") == 0 && !is_post)
		return send_page(c);
	return serve_job(http, c, is_post, path);
}

static bool announces_body(connection *c)
{
	const char *size = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length");

	return (size && strcmp(size, "0") != 0) || MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Transfer-Encoding");
}

/* Called when the headers are there, and again when all is there.  A body is nothing that any of our requests has. */
static enum MHD_Result handle(void *arg, connection *c, const char *path, const char *method, const char *version,
                              const char *body, size_t *body_size, void **state)
{
	static char has_been_let_in;
	struct http *http = arg;
	bool is_get = strcmp(method, "GET") == 0, is_post = strcmp(method, "POST") == 0;
	unsigned refusal;

	(void)version, (void)body;
	if (*state)
		return *body_size > 0 ? MHD_NO : serve(http, c, is_post, path);
	refusal = guard_refuses(&http->guard, c, is_get && strcmp(path, "/") == 0);
	if (refusal)
		return refuse(c, refusal, "This does not come from the page of this server.");
	if (!is_get && !is_post)
		return refuse(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and POST are what there is.");
	if (announces_body(c))
		return refuse(c, MHD_HTTP_BAD_REQUEST, "What is wanted goes into the address: there is no body.");
	*state = &has_been_let_in;
	return MHD_YES;
}

/* ---- the socket ---- */

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "job_server: %s: %s\n", what, why);
	return -1;
}

static int listen_at(const struct addrinfo *where)
{
	int fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0)
		return fail("socket", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, where->ai_addr, where->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0) {
		fail("cannot listen", strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static int open_socket(const struct http_options *options)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct addrinfo *where;
	char port[8];
	int r, fd;

	snprintf(port, sizeof(port), "%u", options->port);
	r = getaddrinfo(options->address, port, &hints, &where);
	if (r != 0)
		return fail(options->address, gai_strerror(r));
	fd = listen_at(where);
	freeaddrinfo(where);
	return fd;
}

/* What the Host header of a request to us says.  A browser leaves out the port where it is HTTP's own. */
static bool allow(struct guard *guard, const char *address, const char *port)
{
	char name[128];

	snprintf(name, sizeof(name), strchr(address, ':') ? "[%s]:%s" : "%s:%s", address, port);
	if (!guard_allow(guard, name))
		return false;
	if (strcmp(port, "80") != 0)
		return true;
	name[strlen(name) - 3] = '\0';
	return guard_allow(guard, name);
}

/* The url is that of the first of the names. */
static int name_us(struct http *http, const struct http_options *options, int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_storage storage;
	} us;
	socklen_t size = sizeof(us);
	char port[NI_MAXSERV];

	if (getsockname(fd, &us.any, &size) < 0 ||
	    getnameinfo(&us.any, size, NULL, 0, port, sizeof(port), NI_NUMERICSERV) != 0)
		return fail("cannot listen", "it is not known where");
	if (!allow(&http->guard, options->address, port) || !allow(&http->guard, "localhost", port))
		return fail("cannot start", strerror(ENOMEM));
	for (size_t i = 0; options->hosts[i]; i++)
		if (!guard_allow(&http->guard, options->hosts[i]))
			return fail("cannot start", "too many names");
	snprintf(http->url, sizeof(http->url), "http://%s/", http->guard.names[0]);
	return 0;
}

/* ---- start and end ---- */

static int start(struct http *http, const struct http_options *options)
{
	int fd = open_socket(options);

	if (fd < 0)
		return -1;
	if (name_us(http, options, fd) == 0) {
		http->daemon = MHD_start_daemon(
			MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_AUTO | MHD_USE_ITC, 0,
			NULL, NULL, handle, http, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
			(unsigned)(options->max_viewers + OTHER_CONNECTIONS), MHD_OPTION_CONNECTION_TIMEOUT,
			options->idle_seconds, MHD_OPTION_END);
		if (http->daemon)
			return 0;
		fail("cannot start", "libmicrohttpd refuses");
	}
	close(fd);
	return -1;
}

struct http *http_new(const struct http_options *options, struct jobs *jobs)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http) {
		fail("cannot start", strerror(ENOMEM));
		return NULL;
	}
	http->jobs = jobs;
	http->quiet_seconds = options->idle_seconds / 3;
	if (start(http, options) == 0)
		return http;
	http_free(http);
	return NULL;
}

const char *http_url(const struct http *http)
{
	return http->url;
}

void http_close(struct http *http)
{
	int fd = MHD_quiesce_daemon(http->daemon);

	if (fd >= 0)
		close(fd);
}

void http_free(struct http *http)
{
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	guard_clear(&http->guard);
	free(http);
}
