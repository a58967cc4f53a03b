/* SPDX-License-Identifier: MIT */
/*
 * libtend for C++11 and later: the handles of <tend.h> as objects that own them, and errors as exceptions.  A thin
 * layer, header only: each member function is the C function of its name, whose documentation holds for it.  See
 * tend.hpp(3).
 *
 *  1. A handle is owned by one object.  It is moved, never copied; an object that was moved from, or made without
 *     arguments, is empty, and only assigning to it, testing it and destroying it make sense.
 *  2. A destructor calls the free function of the handle and nothing else.  What becomes of a child that still runs
 *     is what .if_forgotten of its spawn says.  No destructor waits for a child or for a callback.
 *  3. A call that fails throws tend::error.  An outcome is no failure: time-outs, gaps and ends are results.
 *  4. Structs are those of <tend.h>.  Those that a program fills it makes with {}, which is "nothing chosen", and then
 *     assigns what it chooses.  The functions of the section "values" stand for the macros that make structs: in C++
 *     these are extensions of the compiler, and what TEND_STOP_TERM() points to is gone at the end of the expression.
 *  5. A function object that is called on another thread is kept until its last call has returned.  An exception that
 *     it throws ends its consumer, as TEND_BREAK does; consumer::wait() and consumer::cancel() rethrow it, once.
 *  6. A function that is given as a pointer, in a struct or to set_log(), is called by C and must not throw.
 */
#ifndef TEND_HPP
#define TEND_HPP

#include <chrono>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <tend.h>

namespace tend {

/* Structs that a function has the name of: elsewhere these names need "struct" in front of them. */
typedef struct ::tend_spawn spawn_options;
typedef struct ::tend_adopt adopt_options;
typedef struct ::tend_stream_options stream_options;
typedef struct ::tend_stream_stats stream_stats;

/* ---- errors ---- */

/* What a call of the library has failed with.  code() is an errno value of std::generic_category(). */
class error : public std::system_error {
public:
	error(int r, const tend_error &detail)
	: std::system_error(-r, std::generic_category()), detail_(detail)
	{
	}

	/* One finished sentence. */
	const char *what() const noexcept override
	{
		return detail_.message;
	}
	tend_step step() const noexcept
	{
		return detail_.step;
	}
	const char *step_name() const noexcept
	{
		return tend_step_name(detail_.step);
	}
	/* All that is known. */
	const tend_error &detail() const noexcept
	{
		return detail_;
	}

private:
	tend_error detail_;
};

/* What stop() and kill() fail with; the report is that of the C function, and says which signals were refused. */
class stop_error : public error {
public:
	stop_error(int r, const tend_error &detail, const tend_stop_report &report)
	: error(r, detail), report_(report)
	{
	}

	const tend_stop_report &report() const noexcept
	{
		return report_;
	}

private:
	tend_stop_report report_;
};

namespace detail {

inline int check(int r, const tend_error &e)
{
	if (r < 0)
		throw error(r, e);
	return r;
}

inline void check(int r, const tend_error &e, const tend_stop_report &report)
{
	if (r < 0)
		throw stop_error(r, e, report);
}

/* For calls that tell no more than an errno value. */
inline int check(int r, const char *call)
{
	if (r < 0) {
		tend_error e = tend_error();
		std::string message = std::string(call) + ": " + std::generic_category().message(-r);

		e.code = r;
		std::strncpy(e.message, message.c_str(), sizeof e.message - 1);
		throw error(r, e);
	}
	return r;
}

/* All that a call has to tell which fills the first `room` of its items and returns how many there are. */
template <class Item, class Call> std::vector<Item> all_of(Call call)
{
	std::vector<Item> items;
	size_t n;

	while ((n = call(items.data(), items.size())) > items.size())
		items.resize(n);
	items.resize(n);
	return items;
}

/* Owns a handle of the library. */
template <class T, T *(*Free)(T *)> class handle {
public:
	handle() noexcept : p_(nullptr)
	{
	}
	explicit handle(T *take) noexcept : p_(take)
	{
	}
	handle(handle &&from) noexcept : p_(from.release_handle())
	{
	}
	handle &operator=(handle &&from) noexcept
	{
		if (this != &from)
			reset(from.release_handle());
		return *this;
	}
	handle(const handle &) = delete;
	handle &operator=(const handle &) = delete;
	~handle()
	{
		Free(p_);
	}

	/* For calls of the C library.  Still owned by this object. */
	T *get() const noexcept
	{
		return p_;
	}
	explicit operator bool() const noexcept
	{
		return p_ != nullptr;
	}
	/* Frees what it owns, now. */
	void reset(T *take = nullptr) noexcept
	{
		T *old = p_;

		p_ = take;
		Free(old);
	}
	/* The caller owns the handle from here on. */
	T *release_handle() noexcept
	{
		T *p = p_;

		p_ = nullptr;
		return p;
	}

private:
	T *p_;
};

} /* namespace detail */

/* ---- values ---- */

/* A span of time; TEND_SECONDS(n) and its kin work as well. */
template <class Rep, class Period> tend_duration span(std::chrono::duration<Rep, Period> d)
{
	typedef std::chrono::duration<double, std::nano> real;

	if (real(d).count() >= static_cast<double>(TEND_DURATION_MAX))
		return TEND_FOREVER;
	if (d <= d.zero())
		return TEND_AT_ONCE;

	const int64_t ns = std::chrono::duration_cast<std::chrono::nanoseconds>(d).count();

	return TEND_NS(ns);
}

inline tend_input in_kind(tend_input_kind kind)
{
	tend_input i = tend_input();

	i.kind = kind;
	return i;
}
inline tend_input in_null()
{
	return in_kind(TEND_INPUT_NULL);
}
inline tend_input in_pipe()
{
	return in_kind(TEND_INPUT_PIPE);
}
inline tend_input in_inherit()
{
	return in_kind(TEND_INPUT_INHERIT);
}
inline tend_input in_fd(int fd)
{
	tend_input i = in_kind(TEND_INPUT_FD);

	i.fd = fd;
	return i;
}
/* The bytes are the caller's until the spawn has returned. */
inline tend_input in_bytes(const void *bytes, size_t n)
{
	tend_input i = in_kind(TEND_INPUT_BYTES);

	i.bytes = bytes;
	i.n = n;
	return i;
}

inline tend_output out_kind(tend_output_kind kind)
{
	tend_output o = tend_output();

	o.kind = kind;
	return o;
}
inline tend_output out_stream(const stream_options &options)
{
	tend_output o = out_kind(TEND_OUTPUT_STREAM);

	o.stream = options;
	return o;
}
inline tend_output out_discard()
{
	return out_kind(TEND_OUTPUT_DISCARD);
}
inline tend_output out_inherit()
{
	return out_kind(TEND_OUTPUT_INHERIT);
}
inline tend_output out_fd(int fd)
{
	tend_output o = out_kind(TEND_OUTPUT_FD);

	o.fd = fd;
	return o;
}
/* stderr only. */
inline tend_output out_merge()
{
	return out_kind(TEND_OUTPUT_MERGE);
}

inline tend_replay replay(tend_replay_kind kind, size_t amount)
{
	tend_replay r = tend_replay();

	r.kind = kind;
	r.amount = amount;
	return r;
}
inline tend_replay replay_none()
{
	return replay(TEND_RETAIN_NONE, 0);
}
inline tend_replay replay_chunks(size_t n)
{
	return replay(TEND_RETAIN_CHUNKS, n);
}
inline tend_replay replay_bytes(size_t n)
{
	return replay(TEND_RETAIN_BYTES, n);
}
inline tend_replay replay_all()
{
	return replay(TEND_RETAIN_ALL, 0);
}

inline tend_stall stall(tend_stall_kind kind, tend_duration after)
{
	tend_stall s = tend_stall();

	s.kind = kind;
	s.after = after;
	return s;
}
inline tend_stall stall_wait()
{
	return stall(TEND_STALLED_WAITS, 0);
}
inline tend_stall stall_lose(tend_duration after)
{
	return stall(TEND_STALLED_LOSES, after);
}
inline tend_stall stall_leave(tend_duration after)
{
	return stall(TEND_STALLED_LEAVES, after);
}

inline tend_forgotten forgotten(tend_forgotten_kind kind, const tend_stop *plan)
{
	tend_forgotten f = tend_forgotten();

	f.kind = kind;
	f.stop = plan;
	return f;
}
inline tend_forgotten forgotten_abort()
{
	return forgotten(TEND_IF_FORGOTTEN_ABORT, nullptr);
}
/* The plan is the caller's until the spawn has returned. */
inline tend_forgotten forgotten_terminate(const tend_stop *plan)
{
	return forgotten(TEND_IF_FORGOTTEN_TERMINATE, plan);
}
inline tend_forgotten forgotten_detach()
{
	return forgotten(TEND_IF_FORGOTTEN_DETACH, nullptr);
}

inline tend_survivors survivors(tend_survivors_kind kind, const tend_stop *plan)
{
	tend_survivors s = tend_survivors();

	s.kind = kind;
	s.stop = plan;
	return s;
}
inline tend_survivors survivors_leave()
{
	return survivors(TEND_SURVIVORS_LEFT, nullptr);
}
inline tend_survivors survivors_report()
{
	return survivors(TEND_SURVIVORS_TOLD, nullptr);
}
/* The plan is the caller's until the spawn has returned. */
inline tend_survivors survivors_stop(const tend_stop *plan)
{
	return survivors(TEND_SURVIVORS_STOPPED, plan);
}

inline tend_groups groups(tend_groups_kind kind, const gid_t *list, size_t n)
{
	tend_groups g = tend_groups();

	g.kind = kind;
	g.list = list;
	g.n = n;
	return g;
}
inline tend_groups groups_listed(const gid_t *list, size_t n)
{
	return groups(TEND_GROUPS_LISTED, list, n);
}
inline tend_groups groups_none()
{
	return groups(TEND_GROUPS_LISTED, nullptr, 0);
}
inline tend_groups groups_keep()
{
	return groups(TEND_GROUPS_KEPT, nullptr, 0);
}

inline tend_collect collect_bytes(size_t max_bytes, tend_overflow overflow)
{
	tend_collect c = tend_collect();

	c.kind = TEND_COLLECTION_BYTES;
	c.max_bytes = max_bytes;
	c.overflow = overflow;
	return c;
}
inline tend_collect collect_lines(size_t max_bytes, size_t max_lines, tend_overflow overflow)
{
	tend_collect c = collect_bytes(max_bytes, overflow);

	c.kind = TEND_COLLECTION_LINES;
	c.max_lines = max_lines;
	return c;
}

inline tend_write_to to_fd(int fd)
{
	tend_write_to t = tend_write_to();

	t.kind = TEND_WRITE_TO_FD;
	t.fd = fd;
	return t;
}
inline tend_write_to to_file(FILE *file)
{
	tend_write_to t = tend_write_to();

	t.kind = TEND_WRITE_TO_FILE;
	t.file = file;
	return t;
}

/* A plan that owns its phases, so that it may be copied, returned and kept. */
class stop_plan {
public:
	/* The phases in order, SIGKILL after the last.  More than TEND_MAX_STOP_PHASES: std::length_error. */
	stop_plan(std::initializer_list<tend_stop_phase> phases, tend_duration after_kill) : plan_()
	{
		if (phases.size() > TEND_MAX_STOP_PHASES)
			throw std::length_error("tend::stop_plan: too many phases");
		plan_.phases = phases_;
		plan_.after_kill = after_kill;
		for (const tend_stop_phase &phase : phases)
			phases_[plan_.n_phases++] = phase;
	}
	stop_plan(const stop_plan &other) noexcept : plan_()
	{
		*this = other;
	}
	stop_plan &operator=(const stop_plan &other) noexcept
	{
		std::memmove(phases_, other.phases_, sizeof phases_);
		plan_ = other.plan_;
		plan_.phases = phases_;
		return *this;
	}
	~stop_plan() = default;

	/* SIGTERM to the group, SIGKILL after `grace`. */
	static stop_plan term(tend_duration grace)
	{
		const tend_stop_phase phase = { 15 /* SIGTERM */, TEND_GROUP, grace };

		return stop_plan({ phase }, TEND_DEFAULT_AFTER_KILL);
	}
	/* SIGKILL to the group at once. */
	static stop_plan kill()
	{
		return stop_plan({}, TEND_DEFAULT_AFTER_KILL);
	}

	/* Valid as long as this object is, and not moved elsewhere. */
	const tend_stop *get() const noexcept
	{
		return &plan_;
	}
	tend_duration total() const noexcept
	{
		return tend_stop_total(&plan_);
	}

private:
	tend_stop plan_;
	tend_stop_phase phases_[TEND_MAX_STOP_PHASES] = {};
};

/* ---- lines ---- */

/*
 * Lines out of chunks that the program takes itself; inspect_lines() and wait_for_line() have a parser inside.  One
 * thread at a time; nothing blocks.
 */
class parser : public detail::handle<tend_parser, tend_parser_free> {
public:
	using handle::handle;
	parser() = default;
	explicit parser(const tend_line_options &options) : handle(make(options))
	{
	}

	/* The bytes are the caller's, and stay where they are until next() has returned false. */
	void feed(const tend_chunk &chunk) noexcept
	{
		tend_parser_feed(get(), &chunk);
	}
	/*
	 * False when the chunk is used up.  The line is lent until the next call.  When it throws, for lack of memory,
	 * what could not be kept is a gap, and the next call goes on behind it.
	 */
	bool next(tend_line &ret_line)
	{
		return detail::check(tend_parser_next(get(), &ret_line), "tend_parser_next") > 0;
	}
	/* Bytes are missing here.  When next() has returned false. */
	void gap(const tend_gap &gap) noexcept
	{
		tend_parser_gap(get(), &gap);
	}
	/* The same, and nothing is known of them. */
	void gap() noexcept
	{
		tend_parser_gap(get(), nullptr);
	}
	/* The stream has ended.  True: its last line had no delimiter; lent until the next call. */
	bool finish(tend_line &ret_line) noexcept
	{
		return tend_parser_finish(get(), &ret_line) > 0;
	}
	tend_line_losses losses() const noexcept
	{
		return tend_parser_losses(get());
	}

private:
	static tend_parser *make(const tend_line_options &options)
	{
		tend_parser *p = nullptr;
		tend_error e;

		detail::check(tend_parser_new(&options, &p, &e), e);
		return p;
	}
};

/* ---- streams ---- */

namespace detail {

/* What a function object has thrown; written before its consumer ends, read afterwards. */
typedef std::shared_ptr<std::exception_ptr> thrown;

/* A function object on its way to another thread.  It deletes itself with its last call. */
template <class F> struct job {
	F fn;
	thrown failure;

	template <class Item> static tend_flow call(void *self, const Item *item) noexcept
	{
		job *j = static_cast<job *>(self);

		try {
			return j->fn(*item);
		} catch (...) {
			*j->failure = std::current_exception();
			return TEND_BREAK;
		}
	}
	static void end(void *self, const tend_end *) noexcept
	{
		delete static_cast<job *>(self);
	}
};

/* A predicate on this thread.  When it throws, the wait is over. */
template <class F> struct question {
	F &matches;
	std::exception_ptr failure;

	static bool call(void *self, const tend_line *line) noexcept
	{
		question *q = static_cast<question *>(self);

		try {
			return q->matches(*line);
		} catch (...) {
			q->failure = std::current_exception();
			return true;
		}
	}
};

} /* namespace detail */

/* A consumer that runs.  Its destructor cancels it and does not wait for a callback that has not returned. */
class consumer : public detail::handle<tend_consumer, tend_consumer_free> {
public:
	consumer() = default;
	explicit consumer(tend_consumer *take, detail::thrown failure = nullptr)
	: handle(take), failure_(std::move(failure))
	{
	}

	/* The ending is TEND_END_NONE when the time was over first. */
	tend_consumed wait(tend_duration timeout)
	{
		tend_consumed seen = tend_consumed();
		tend_error e;

		detail::check(tend_consumer_wait(get(), timeout, &seen, &e), e);
		if (seen.ending != TEND_END_NONE)
			rethrow();
		return seen;
	}
	tend_consumed cancel(tend_duration grace, tend_cancel how)
	{
		tend_consumed seen = tend_consumed();
		tend_error e;

		detail::check(tend_consumer_cancel(get(), grace, how, &seen, &e), e);
		if (seen.ending != TEND_END_ABANDONED)
			rethrow();
		return seen;
	}
	bool is_finished() const noexcept
	{
		return tend_consumer_is_finished(get());
	}
	/* Of a collector that has ended; lent until this object is destroyed. */
	tend_collected collected() const
	{
		tend_collected c = tend_collected();
		tend_error e;

		detail::check(tend_consumer_collected(get(), &c, &e), e);
		return c;
	}
	/* Of a writer that has ended. */
	tend_written written() const
	{
		tend_written w = tend_written();
		tend_error e;

		detail::check(tend_consumer_written(get(), &w, &e), e);
		return w;
	}

private:
	void rethrow()
	{
		std::exception_ptr e;

		if (!failure_ || !*failure_)
			return;
		std::swap(e, *failure_);
		std::rethrow_exception(e);
	}

	detail::thrown failure_;
};

/*
 * A chunk that was lent and is kept: its bytes stay when subscription, stream and process are gone.  However few they
 * are, they pin up to read_chunk_size bytes: copy small pieces instead.  Owned as a handle is.  Any thread; nothing
 * blocks.
 */
class kept_chunk {
public:
	kept_chunk() noexcept : kept_()
	{
	}
	/* EINVAL for a chunk that the library did not make. */
	explicit kept_chunk(const tend_chunk &lent) : kept_()
	{
		detail::check(tend_chunk_ref(&lent, &kept_), "tend_chunk_ref");
	}
	kept_chunk(kept_chunk &&from) noexcept : kept_(from.kept_)
	{
		from.kept_ = tend_chunk();
	}
	kept_chunk &operator=(kept_chunk &&from) noexcept
	{
		if (this != &from) {
			reset();
			std::swap(kept_, from.kept_);
		}
		return *this;
	}
	kept_chunk(const kept_chunk &) = delete;
	kept_chunk &operator=(const kept_chunk &) = delete;
	~kept_chunk()
	{
		tend_chunk_unref(&kept_);
	}

	/* Lent as long as this object owns it; of an empty one all is 0. */
	const tend_chunk *get() const noexcept
	{
		return &kept_;
	}
	explicit operator bool() const noexcept
	{
		return kept_.owner != nullptr;
	}
	/* Gives the bytes back, now. */
	void reset() noexcept
	{
		tend_chunk_unref(&kept_);
		kept_ = tend_chunk();
	}

private:
	tend_chunk kept_;
};

/* A view of a stream that is taken by hand. */
class subscription : public detail::handle<tend_subscription, tend_subscription_close> {
public:
	using handle::handle;
	subscription() = default;

	/* A chunk is lent until the next call; a tend::kept_chunk keeps it. */
	tend_event next(tend_duration timeout)
	{
		tend_event event;

		detail::check(tend_subscription_next(get(), timeout, &event), "tend_subscription_next");
		return event;
	}
	int fd()
	{
		return detail::check(tend_subscription_fd(get()), "tend_subscription_fd");
	}
};

/* A stream that belongs to somebody else: to a process, or to a tend::stream.  Copied as a pointer is. */
class stream_view {
public:
	stream_view() noexcept : p_(nullptr)
	{
	}
	explicit stream_view(tend_stream *lent) noexcept : p_(lent)
	{
	}

	tend_stream *get() const noexcept
	{
		return p_;
	}
	/* False where the child's output is no stream. */
	explicit operator bool() const noexcept
	{
		return p_ != nullptr;
	}

	subscription subscribe() const
	{
		return subscribe_with(nullptr);
	}
	subscription subscribe(const tend_subscribe &options) const
	{
		return subscribe_with(&options);
	}
	/* `self` is the caller's until on_end has returned. */
	consumer consume(const tend_visitor &visitor, void *self) const
	{
		tend_consumer *c = nullptr;
		tend_error e;

		detail::check(tend_stream_consume(p_, &visitor, self, &c, &e), e);
		return consumer(c);
	}
	/* The functions of `options` with `arg`, the caller's until on_end has returned. */
	consumer inspect(const tend_inspect &options, void *arg) const
	{
		tend_consumer *c = nullptr;
		tend_error e;

		detail::check(tend_stream_inspect(p_, &options, arg, &c, &e), e);
		return consumer(c);
	}
	/*
	 * Calls fn(const tend_line &), or fn(const tend_chunk &), which returns a tend_flow, on a thread of the
	 * consumer's own.  It is copied or moved to there.
	 */
	template <class F> consumer inspect_lines(const tend_line_options &options, F fn) const
	{
		tend_inspect o = tend_inspect();

		o.on_line = detail::job<F>::template call<tend_line>;
		o.line = options;
		return inspect_with(o, std::move(fn));
	}
	template <class F> consumer inspect_chunks(F fn) const
	{
		tend_inspect o = tend_inspect();

		o.on_chunk = detail::job<F>::template call<tend_chunk>;
		return inspect_with(o, std::move(fn));
	}
	consumer collect(const tend_collect &options) const
	{
		tend_consumer *c = nullptr;
		tend_error e;

		detail::check(tend_stream_collect(p_, &options, &c, &e), e);
		return consumer(c);
	}
	consumer write(const tend_write &options) const
	{
		tend_consumer *c = nullptr;
		tend_error e;

		detail::check(tend_stream_write(p_, &options, &c, &e), e);
		return consumer(c);
	}
	/* Calls matches(const tend_line &), which returns a bool, on this thread; what it throws comes out of here. */
	template <class F>
	tend_line_found wait_for_line(const tend_line_options &options, F matches, tend_duration timeout) const
	{
		detail::question<F> q = { matches, nullptr };
		tend_line_found found = tend_line_found();
		tend_error e;
		int r = tend_stream_wait_for_line(p_, &options, detail::question<F>::call, &q, timeout, &found, &e);

		if (q.failure)
			std::rethrow_exception(q.failure);
		detail::check(r, e);
		return found;
	}
	void seal_replay() const
	{
		detail::check(tend_stream_seal_replay(p_), "tend_stream_seal_replay");
	}
	stream_stats stats() const noexcept
	{
		return ::tend_stream_stats(p_);
	}
	/* All subscriptions and consumers that have not been closed or freed. */
	std::vector<tend_subscriber_stats> subscribers() const
	{
		const tend_stream *p = p_;

		return detail::all_of<tend_subscriber_stats>([p](tend_subscriber_stats *ret, size_t room) {
			return tend_stream_subscribers(p, ret, room);
		});
	}
	/* Those that it runs with; lent as long as the stream is there. */
	const stream_options &options() const noexcept
	{
		return *::tend_stream_options(p_);
	}
	const char *label() const noexcept
	{
		return tend_stream_label(p_);
	}

private:
	subscription subscribe_with(const tend_subscribe *options) const
	{
		tend_subscription *s = nullptr;
		tend_error e;

		detail::check(tend_stream_subscribe(p_, options, &s, &e), e);
		return subscription(s);
	}
	template <class F> consumer inspect_with(tend_inspect &o, F fn) const
	{
		detail::thrown failure = std::make_shared<std::exception_ptr>();
		std::unique_ptr<detail::job<F>> j(new detail::job<F>{ std::move(fn), failure });
		tend_consumer *c = nullptr;
		tend_error e;

		o.on_end = detail::job<F>::end;
		detail::check(tend_stream_inspect(p_, &o, j.get(), &c, &e), e);
		j.release(); /* maybe gone already */
		return consumer(c, std::move(failure));
	}

	tend_stream *p_;
};

/* A stream of one's own: any pipe, socket or fifo.  Its destructor does what tend_stream_free() does. */
class stream : public detail::handle<tend_stream, tend_stream_free> {
public:
	using handle::handle;
	stream() = default;

	/* The descriptor is the stream's from here on, also when this throws. */
	static stream open(int take_fd, const stream_options &options, const char *label)
	{
		tend_stream *s = nullptr;
		tend_error e;

		detail::check(tend_stream_open(take_fd, &options, label, &s, &e), e);
		return stream(s);
	}
	stream_view view() const noexcept
	{
		return stream_view(get());
	}
};

/* ---- processes ---- */

/*
 * A child.  Its destructor does what tend_process_free() does: a child that still runs is treated as .if_forgotten
 * of its spawn says.
 */
class process : public detail::handle<tend_process, tend_process_free> {
public:
	using handle::handle;
	process() = default;

	static process spawn(const spawn_options &options)
	{
		tend_process *p = nullptr;
		tend_error e;

		detail::check(tend_spawn(&options, &p, &e), e);
		return process(p);
	}
	static process adopt(const adopt_options &options)
	{
		tend_process *p = nullptr;
		tend_error e;

		detail::check(tend_adopt(&options, &p, &e), e);
		return process(p);
	}

	pid_t pid() const noexcept
	{
		return tend_process_pid(get());
	}
	const char *name() const noexcept
	{
		return tend_process_name(get());
	}
	tend_scope scope() const noexcept
	{
		return tend_process_scope(get());
	}
	/* The directory of its cgroup, null where it has none; lent until this object is destroyed. */
	const char *cgroup() const noexcept
	{
		return tend_process_cgroup(get());
	}
	/* tend_process_stdout(), tend_process_stderr(): "stdout" may be a macro. */
	stream_view out() const noexcept
	{
		return stream_view(tend_process_stdout(get()));
	}
	stream_view err() const noexcept
	{
		return stream_view(tend_process_stderr(get()));
	}

	/* The kind is TEND_RUNNING when the time was over first. */
	tend_exit wait(tend_duration timeout) const
	{
		tend_exit ended = tend_exit();
		tend_error e;

		detail::check(tend_process_wait(get(), timeout, &ended, &e), e);
		return ended;
	}
	tend_status status() const
	{
		tend_status s = tend_status();

		detail::check(tend_process_status(get(), &s), "tend_process_status");
		return s;
	}
	int exit_fd() const
	{
		return detail::check(tend_process_exit_fd(get()), "tend_process_exit_fd");
	}

	void signal(int number, tend_target target) const
	{
		tend_error e;

		detail::check(tend_process_signal(get(), number, target, &e), e);
	}
	tend_stop_report stop(const stop_plan &plan) const
	{
		tend_stop_report report = tend_stop_report();
		tend_error e;

		detail::check(tend_process_stop(get(), plan.get(), &report, &e), e, report);
		return report;
	}
	tend_stop_report kill(tend_duration confirm) const
	{
		tend_stop_report report = tend_stop_report();
		tend_error e;

		detail::check(tend_process_kill(get(), confirm, &report, &e), e, report);
		return report;
	}

	/* Writes all of it, or throws; *ret_written (may be null) says in each case how much the child's stdin took. */
	void write(const void *data, size_t size, tend_duration timeout, size_t *ret_written = nullptr) const
	{
		tend_error e;

		detail::check(tend_process_stdin_write(get(), data, size, timeout, ret_written, &e), e);
	}
	/* Of its terminal, in characters. */
	void set_window(unsigned short rows, unsigned short columns) const
	{
		detail::check(tend_process_set_window(get(), rows, columns), "tend_process_set_window");
	}
	void close_stdin() const
	{
		detail::check(tend_process_stdin_close(get()), "tend_process_stdin_close");
	}

	/* What was collected belongs to this object, and lives as long. */
	tend_result complete(const tend_complete &options) const
	{
		tend_result result = tend_result();
		tend_error e;

		detail::check(tend_process_complete(get(), &options, &result, &e), e);
		return result;
	}

	/* Frees what a complete() of this process has collected, now; nothing collected is left in `result`. */
	void clear_result(tend_result &result) const noexcept
	{
		tend_result_clear(&result, get());
	}

	void detach() const noexcept
	{
		tend_process_detach(get());
	}
	/* The child is the caller's, and this object is empty; when it throws, nothing has changed. */
	tend_released release()
	{
		tend_released r = tend_released();

		detail::check(tend_process_release(get(), &r), "tend_process_release");
		release_handle();
		return r;
	}
};

/*
 * The rule by which a child that has ended is started again, and the memory of its restarts, none at first.  A value: a
 * copy goes on from where it was made.  It starts nothing and waits for nothing.  One thread at a time.
 */
class restart_rule {
public:
	/* Looked at by next(), not here. */
	explicit restart_rule(const tend_restart &rule) noexcept : rule_(rule), restarts_()
	{
	}

	/*
	 * How long to wait before it is started again, TEND_FOREVER when it is not to be; counts the restart.  A rule
	 * that is refused, and the exit of a child that runs, throw; then nothing was counted.
	 */
	tend_duration next(const tend_exit &ended)
	{
		tend_duration delay = TEND_FOREVER;
		tend_error e;

		detail::check(tend_restart_next(&rule_, &restarts_, &ended, &delay, &e), e);
		return delay;
	}
	const tend_restarts &restarts() const noexcept
	{
		return restarts_;
	}

private:
	tend_restart rule_;
	tend_restarts restarts_;
};

/* ---- the library ---- */

/* All facilities of the kernel, each tried once, now; one that does not work is no failure.  Blocks for a moment. */
inline std::vector<tend_facility> kernel_report()
{
	return detail::all_of<tend_facility>(tend_kernel_report);
}
/*
 * Events of `level` and more important ones go to fn(arg, event) from now on, on whichever thread they happen; null:
 * nowhere.  `arg` is the caller's, and must stay valid: a call that is under way may still finish.
 */
inline void set_log(tend_log_fn *fn, void *arg, tend_log_level level)
{
	detail::check(tend_set_log(fn, arg, level), "tend_set_log");
}
inline void shutdown(tend_duration within)
{
	tend_error e;

	detail::check(tend_shutdown(within, &e), e);
}

} /* namespace tend */

#endif
