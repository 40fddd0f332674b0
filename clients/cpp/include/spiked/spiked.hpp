// C++17 client of spiked: send rows, receive frames, steer the daemon. Header only, over the C client.
//
// A Sender, a Receiver and a Control each own a connection, made in the background and made anew when spiked
// was away. They move and do not copy; each belongs to one thread at a time.
//
// What fails throws: spiked::Error, and of it ControlError (spiked refused a request), Blocked (rows were not
// taken) and NoAnswer. That nothing came is no failure: Receiver::recv() gives an empty optional.
//
// Link with `pkg-config --cflags --libs spiked-client-cpp`, or in CMake find_package(spiked) and spiked::cpp.
//
// SPDX-License-Identifier: Apache-2.0
#ifndef SPIKED_HPP
#define SPIKED_HPP

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// It has a struct and a function of one name, which is no shadowing in C.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#include <spiked/spiked.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace spiked {

inline constexpr const char *ingest_default = SPIKED_INGEST_DEFAULT;
inline constexpr const char *publish_default = SPIKED_PUBLISH_DEFAULT;
inline constexpr const char *control_default = SPIKED_CONTROL_DEFAULT;

using std::chrono::milliseconds;
inline constexpr milliseconds forever{-1};

// Nanoseconds since the UNIX epoch, as spiked's times are.
inline std::int64_t now_ns()
{
	using namespace std::chrono;
	return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

// Something failed; code() is a negative errno, what() a sentence.
class Error : public std::runtime_error {
public:
	Error(int code, const std::string &what) : std::runtime_error(what), code_(code) {}
	int code() const noexcept { return code_; }

private:
	int code_;
};

// Rows were not taken in time. Nothing was sent and no number used: the call may be repeated.
class Blocked : public Error {
	using Error::Error;
};

// A call has no answer. With sent() false spiked did not get the request; otherwise nobody knows.
class NoAnswer : public Error {
public:
	using Error::Error;
	bool sent() const noexcept { return code() == -ETIMEDOUT; }
};

// spiked answered with an error: rpc_code() is JSON-RPC's, path() the parameter at fault ("" = none).
class ControlError : public Error {
public:
	explicit ControlError(const spiked_error &error)
		: Error(-EREMOTEIO, error.message), rpc_code_(error.code), path_(error.path)
	{
	}
	int rpc_code() const noexcept { return rpc_code_; }
	const std::string &path() const noexcept { return path_; }

private:
	int rpc_code_;
	std::string path_;
};

// Somebody else's elements, one after the other: a pointer and how many. As std::span of C++20.
template <typename T> class View {
public:
	using value_type = std::remove_cv_t<T>;

	constexpr View() noexcept = default;
	constexpr View(T *data, std::size_t size) noexcept : data_(data), size_(size) {}

	// From whatever has data() and size(): vectors, arrays, std::span.
	template <typename C, typename = std::enable_if_t<std::is_convertible_v<
					  decltype(std::data(std::declval<C &>())), T *>>>
	constexpr View(C &&container) noexcept : View(std::data(container), std::size(container))
	{
	}

	constexpr T *data() const noexcept { return data_; }
	constexpr std::size_t size() const noexcept { return size_; }
	constexpr bool empty() const noexcept { return !size_; }
	constexpr T &operator[](std::size_t i) const noexcept { return data_[i]; }
	constexpr T *begin() const noexcept { return data_; }
	constexpr T *end() const noexcept { return data_ + size_; }

private:
	T *data_ = nullptr;
	std::size_t size_ = 0;
};

// For a spiked with `security`: the daemon's public key and a pair of one's own. Overwritten when it goes.
class Keys {
public:
	// From a file as `spikectl keygen` makes it. `server`: the daemon's public key, or a file with it.
	static Keys load(const std::string &own_file, const std::string &server)
	{
		Keys keys;
		char fault[512];
		if (int error = spiked_keys_read(&keys.keys_, own_file.c_str(), server.c_str(), fault, sizeof(fault)))
			throw Error(error, fault);
		return keys;
	}
	Keys(const Keys &) = default;
	Keys &operator=(const Keys &) = default;
	~Keys() { spiked_keys_wipe(&keys_); }

	const spiked_keys *get() const noexcept { return &keys_; }

private:
	Keys() = default;
	spiked_keys keys_{};
};

struct Options {
	int queue = 1000;             // messages that may wait in this program
	milliseconds timeout{5000};   // of sends and calls; 0 = not at all, forever
	milliseconds linger{500};     // how long closing a Sender may wait for rows that were accepted
	milliseconds heartbeat{1000}; // how often to check that the other side lives; 0 = never
	std::int64_t max_frame_bytes = 64 << 20; // who sends a longer one is disconnected
	std::optional<Keys> keys;     // not encrypted without
	void *zmq_context = nullptr;  // to share one; borrowed
};

enum class Link {
	connecting = SPIKED_LINK_CONNECTING,
	up = SPIKED_LINK_UP,
	lost = SPIKED_LINK_LOST,
	refused = SPIKED_LINK_REFUSED,
	mismatch = SPIKED_LINK_MISMATCH,
};

inline const char *text(Link link)
{
	return spiked_link_text(static_cast<spiked_link>(link));
}

namespace detail {

template <auto Free> struct Deleter {
	template <typename T> void operator()(T *handle) const noexcept { Free(handle); }
};
template <typename T, auto Free> using Handle = std::unique_ptr<T, Deleter<Free>>;

inline void check(int status, const char *what)
{
	if (status)
		throw Error(status, std::string(what) + ": " + spiked_strerror(status));
}

template <typename T>
T *opened(T *(*open)(const char *, const spiked_options *), const std::string &endpoint, const Options &from)
{
	spiked_options options = SPIKED_OPTIONS_INIT;
	options.zmq_context = from.zmq_context;
	options.queue = from.queue;
	options.timeout_ms = static_cast<int>(from.timeout.count());
	options.linger_ms = static_cast<int>(from.linger.count());
	options.heartbeat_ms = static_cast<int>(from.heartbeat.count());
	options.max_frame_bytes = from.max_frame_bytes;
	options.keys = from.keys ? from.keys->get() : nullptr;
	T *handle = open(endpoint.c_str(), &options);
	if (!handle)
		throw Error(-errno, endpoint + ": " + spiked_strerror(-errno));
	return handle;
}

// What a vector, an array or a span is of.
template <typename C>
using element_t = std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<const C &>()))>>;

// The row type that goes with a type of numbers.
template <typename T> constexpr spiked_type type_of()
{
	static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, char> && !std::is_same_v<T, bool>,
		"rows are of numbers; bytes are std::int8_t or std::uint8_t");
	if constexpr (std::is_same_v<T, float>)
		return SPIKED_F32;
	else if constexpr (std::is_same_v<T, double>)
		return SPIKED_F64;
	else if constexpr (std::is_integral_v<T> && sizeof(T) == 1)
		return std::is_signed_v<T> ? SPIKED_I8 : SPIKED_U8;
	else if constexpr (std::is_integral_v<T> && sizeof(T) == 2)
		return std::is_signed_v<T> ? SPIKED_I16 : SPIKED_U16;
	else {
		static_assert(std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) == 4,
			"rows are of float, double, or integers of 8, 16 (both signed or not) or 32 bits (signed)");
		return SPIKED_I32;
	}
}

} // namespace detail

using Stamp = spiked_stamp; // time_ns of the first row, seq
using Pair = spiked_pair;   // channel, value

// Sends rows. Every message is stamped with the present time and a number, so that spiked counts what got lost.
class Sender {
public:
	explicit Sender(const std::string &endpoint = ingest_default, const Options &options = {})
		: handle_(detail::opened(spiked_sender_new, endpoint, options))
	{
	}

	// One row, of the type that the stream declares: std::vector<float>, std::array<std::int16_t, 8> …
	template <typename Row, typename T = detail::element_t<Row>>
	void send(const std::string &stream, const Row &row, const std::optional<Stamp> &stamp = {})
	{
		send_rows(stream, View<const T>(row), 1, stamp);
	}
	template <typename T>
	void send(const std::string &stream, std::initializer_list<T> row, const std::optional<Stamp> &stamp = {})
	{
		send_rows(stream, View<const T>(row.begin(), row.size()), 1, stamp);
	}

	// `n_rows` of them that are dt apart, one after the other. A NaN is no sample for its channel.
	template <typename T>
	void send_rows(const std::string &stream, View<const T> values, std::size_t n_rows,
		const std::optional<Stamp> &stamp = {})
	{
		if (!n_rows || values.size() % n_rows)
			throw std::invalid_argument(
				std::to_string(values.size()) + " values are no " + std::to_string(n_rows) + " rows");
		sent(spiked_send(handle_.get(), stream.c_str(), detail::type_of<T>(), values.data(), n_rows,
			values.size() / n_rows, stamp ? &*stamp : nullptr));
	}
	template <typename T>
	void send_rows(const std::string &stream, const std::vector<T> &values, std::size_t n_rows,
		const std::optional<Stamp> &stamp = {})
	{
		send_rows(stream, View<const T>(values), n_rows, stamp);
	}

	// A partial row, to a stream of type `pairs`: the channels that are not named keep their values.
	void send_pairs(const std::string &stream, View<const Pair> pairs, const std::optional<Stamp> &stamp = {})
	{
		sent(spiked_send_pairs(
			handle_.get(), stream.c_str(), pairs.data(), pairs.size(), stamp ? &*stamp : nullptr));
	}

	// JSON text, to a stream of type `json`: "[1, 2.5, null]", a list of such, or an object with "values".
	void send_json(const std::string &stream, const std::string &json, const std::optional<Stamp> &stamp = {})
	{
		sent(spiked_send_json(handle_.get(), stream.c_str(), json.c_str(), stamp ? &*stamp : nullptr));
	}

	// A payload as it is, in whatever type the stream declares.
	void send_raw(const std::string &stream, View<const unsigned char> payload, const std::optional<Stamp> &stamp = {})
	{
		sent(spiked_send_raw(
			handle_.get(), stream.c_str(), payload.data(), payload.size(), stamp ? &*stamp : nullptr));
	}

	// Clock `manual`: passes over `pass` ticks, which never run, and runs `ticks`, with the rows sent before.
	void step(std::uint64_t ticks, std::uint64_t pass = 0)
	{
		sent(spiked_send_step(handle_.get(), ticks, pass));
	}

	// Leaves numbers out, so that spiked counts rows which the program gave up.
	void skip(const std::string &stream, std::uint64_t messages)
	{
		detail::check(spiked_sender_skip(handle_.get(), stream.c_str(), messages), "skip");
	}

	void timeout(milliseconds timeout) { spiked_sender_timeout(handle_.get(), static_cast<int>(timeout.count())); }
	void stamping(bool on) { spiked_sender_stamping(handle_.get(), on); }
	Link link() const { return static_cast<Link>(spiked_sender_link(handle_.get())); }
	spiked_sender *get() const noexcept { return handle_.get(); }

private:
	void sent(int status)
	{
		if (status == -EAGAIN)
			throw Blocked(status, std::string("rows were not taken: ") + text(link()));
		detail::check(status, "rows were not sent");
	}

	detail::Handle<spiked_sender, spiked_sender_close> handle_;
};

using Spike = spiked_spike; // line, negative, value

// The spikes of a frame in any format, ascending by line.
class Spikes {
public:
	class iterator {
	public:
		using iterator_category = std::input_iterator_tag;
		using value_type = Spike;
		using difference_type = std::ptrdiff_t;
		using pointer = const Spike *;
		using reference = const Spike &;

		iterator() = default;
		explicit iterator(const spiked_frame *frame) : frame_(frame) { ++*this; }

		reference operator*() const { return spike_; }
		pointer operator->() const { return &spike_; }
		iterator &operator++()
		{
			if (!spiked_next(frame_, &at_, &spike_))
				frame_ = nullptr;
			return *this;
		}
		iterator operator++(int)
		{
			iterator before = *this;
			++*this;
			return before;
		}
		// Only the end is worth comparing with.
		bool operator==(const iterator &other) const { return frame_ == other.frame_; }
		bool operator!=(const iterator &other) const { return !(*this == other); }

	private:
		const spiked_frame *frame_ = nullptr;
		spiked_iter at_{};
		Spike spike_{};
	};

	explicit Spikes(const spiked_frame &frame) : frame_(&frame) {}
	iterator begin() const { return iterator(frame_); }
	iterator end() const { return {}; }

private:
	const spiked_frame *frame_;
};

enum class Topic {
	spikes = SPIKED_TOPIC_SPIKES,
	state = SPIKED_TOPIC_STATE,
	values = SPIKED_TOPIC_VALUES,
	json = SPIKED_TOPIC_JSON,
	meta = SPIKED_TOPIC_META,
	status = SPIKED_TOPIC_STATUS,
	bundle = SPIKED_TOPIC_BUNDLE,
	rows = SPIKED_TOPIC_ROWS,
};

// One frame: a tick of a stream, a part of a bundle, or a JSON document. What it shows is borrowed from the
// Receiver and holds until its next recv().
class Frame {
public:
	explicit Frame(const spiked_frame &raw) noexcept : raw_(raw) {}

	Topic topic() const noexcept { return static_cast<Topic>(raw_.topic); }
	std::string_view topic_text() const noexcept { return raw_.topic_text; }
	std::string_view stream() const noexcept { return raw_.stream; } // of a bundle: the group
	std::uint32_t part() const noexcept { return raw_.part; }        // of parts() in a bundle's message
	std::uint32_t parts() const noexcept { return raw_.parts; }

	// Of binary topics.
	const spiked_header &header() const noexcept { return raw_.header; }
	std::uint64_t tick() const noexcept { return raw_.header.tick; }
	std::int64_t time_ns() const noexcept { return raw_.header.time_ns; }
	bool has(spiked_flag flag) const noexcept { return raw_.header.flags & flag; }

	Spikes spikes() const & { return Spikes(raw_); }
	Spikes spikes() const && = delete; // they point into the frame

	// Of state/ and values/, or one for each graded spike.
	View<const float> values() const noexcept
	{
		const float *floats = spiked_floats(&raw_);
		return {floats, floats ? raw_.header.count : 0u};
	}

	// The spike words as they came (formats words and graded).
	View<const std::uint32_t> words() const noexcept
	{
		const std::uint32_t *words = spiked_words(&raw_);
		return {words, words ? raw_.header.count : 0u};
	}

	// As it came; of rows/ in the type that header().format says.
	View<const unsigned char> payload() const noexcept
	{
		return {static_cast<const unsigned char *>(raw_.payload), raw_.payload_size};
	}

	// Of json/, meta/ and status/: the text.
	std::string_view json() const noexcept
	{
		return raw_.json ? std::string_view(raw_.json, raw_.json_size) : std::string_view();
	}

	// How it follows the one before on its topic: messages lost on the way, ticks without a message, spiked
	// started anew. A bundle carries them on its first part.
	std::uint64_t missed() const noexcept { return raw_.missed; }
	std::uint64_t tick_gap() const noexcept { return raw_.tick_gap; }
	bool restarted() const noexcept { return raw_.restarted; }

	const spiked_frame &raw() const noexcept { return raw_; }

private:
	spiked_frame raw_;
};

using Stats = struct spiked_receiver_stats; // a function has that name too

class Receiver {
public:
	// A topic is a beginning of topics: "spikes/imu/", "meta/"; "" = everything.
	explicit Receiver(std::initializer_list<std::string> topics = {}, const std::string &endpoint = publish_default,
		const Options &options = {})
		: handle_(detail::opened(spiked_receiver_new, endpoint, options))
	{
		for (const std::string &topic : topics)
			subscribe(topic);
	}

	void subscribe(const std::string &prefix)
	{
		detail::check(spiked_subscribe_prefix(handle_.get(), prefix.c_str()), "subscribe");
	}
	void unsubscribe(const std::string &prefix)
	{
		detail::check(spiked_unsubscribe_prefix(handle_.get(), prefix.c_str()), "unsubscribe");
	}

	// The next frame; empty when none came within `timeout` or a signal came. Messages that break the protocol
	// are counted in stats() and passed over.
	std::optional<Frame> recv(milliseconds timeout = forever)
	{
		spiked_frame frame;
		int status = spiked_recv(handle_.get(), &frame, static_cast<int>(timeout.count()));
		if (status == -EAGAIN || status == -EINTR)
			return std::nullopt;
		detail::check(status, "recv");
		return Frame(frame);
	}

	Stats stats() const
	{
		Stats stats;
		spiked_receiver_stats(handle_.get(), &stats);
		return stats;
	}
	// What was wrong with the last message that broke the protocol, "" = there was none.
	std::string_view fault() const { return spiked_receiver_fault(handle_.get()); }

	// For an event loop, see spiked_receiver_fd() in spiked.h.
	int fd() const { return spiked_receiver_fd(handle_.get()); }
	Link link() const { return static_cast<Link>(spiked_receiver_link(handle_.get())); }
	spiked_receiver *get() const noexcept { return handle_.get(); }

private:
	detail::Handle<spiked_receiver, spiked_receiver_close> handle_;
};

class Control {
public:
	explicit Control(const std::string &endpoint = control_default, const Options &options = {})
		: handle_(detail::opened(spiked_control_new, endpoint, options)), timeout_(options.timeout)
	{
	}

	// The result of a method as JSON text. `params`: a JSON object or list as text, "" = none.
	std::string call(const std::string &method, const std::string &params = "")
	{
		char *result = nullptr;
		spiked_error error;
		int status = spiked_call(handle_.get(), method.c_str(), params.empty() ? nullptr : params.c_str(),
			static_cast<int>(timeout_.count()), &result, &error);
		std::unique_ptr<char, detail::Deleter<std::free>> owned(result);
		if (status == -EREMOTEIO)
			throw ControlError(error);
		if (status == -ENOTCONN || status == -EKEYREJECTED || status == -ETIMEDOUT)
			throw NoAnswer(status, error.message);
		if (status)
			throw Error(status, error.message);
		return owned.get();
	}

	void timeout(milliseconds timeout) noexcept { timeout_ = timeout; }
	spiked_control *get() const noexcept { return handle_.get(); }

private:
	detail::Handle<spiked_control, spiked_control_close> handle_;
	milliseconds timeout_;
};

} // namespace spiked

#endif
