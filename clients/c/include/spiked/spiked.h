/* Client library of spiked for C and C++: send rows, receive frames, call the control socket.
 *
 * Three kinds of handle, each with its own connection: a sender (rows in), a receiver (frames out)
 * and a control client. All of them connect in the background and reconnect by themselves.
 *
 * Threads: a handle belongs to one thread at a time; different handles are independent.
 * Errors: functions that return int give 0 or a negative errno (spiked_strerror() says it in
 * words); functions that return a handle give NULL and set errno.
 * Signals: a call that waits returns -EINTR when a signal handler ran, so that Ctrl-C works.
 * Times are nanoseconds since the UNIX epoch unless the name says otherwise.
 *
 * Link with `pkg-config --cflags --libs spiked-client`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPIKED_H
#define SPIKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spiked/wire.h>

#if defined(__GNUC__)
#define SPIKED_API __attribute__((visibility("default")))
#else
#define SPIKED_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what all handles share ---- */

struct spiked_keys;

struct spiked_options {
	size_t size;       /* sizeof(struct spiked_options), so that the struct may grow */
	void *zmq_context; /* a libzmq context to share, borrowed; NULL = one of the handle's own */
	int queue;         /* messages that may wait in this handle, 1 or more */
	int timeout_ms;   /* sender: how long a send may wait for room; 0 = not at all, -1 = ever */
	int linger_ms;    /* sender: how long closing may wait for rows that were accepted */
	int heartbeat_ms; /* how often to check that the other side lives; 0 = never */
	int64_t max_frame_bytes; /* a peer that sends a longer frame is disconnected */
	const struct spiked_keys
		*keys; /* borrowed while the handle is made; NULL = not encrypted */
};

/* Initialiser with the defaults, also what NULL options mean. */
#define SPIKED_OPTIONS_INIT                                                                        \
	{                                                                                          \
		sizeof(struct spiked_options), NULL, 1000, 1000, 500, 1000, 64 * 1024 * 1024, NULL \
	}

/* State of a handle's connection as far as it is known. */
enum spiked_link {
	SPIKED_LINK_CONNECTING = 0, /* has not been up yet */
	SPIKED_LINK_UP = 1,
	SPIKED_LINK_LOST = 2, /* was up; reconnecting */
	SPIKED_LINK_REFUSED =
		3, /* spiked does not let this key in here, and ZeroMQ has given up: once the
				     key is listed, the handle has to be made anew */
	SPIKED_LINK_MISMATCH =
		4, /* somebody answers, but there is no agreement about keys; trying again */
};

/* A sentence for people about a link that is not up: what it means, what to do. Constant. */
SPIKED_API const char *spiked_link_text(enum spiked_link link);

SPIKED_API const char *spiked_client_version(void); /* "0.1.0" */
SPIKED_API const char *spiked_strerror(int error);  /* of 0 or a negative errno; never NULL */
SPIKED_API bool spiked_name_ok(const char *name);   /* [A-Za-z0-9_.-]{1,64} */

/* ---- rows in ---- */

enum spiked_type {
	SPIKED_F32,
	SPIKED_F64,
	SPIKED_I8,
	SPIKED_U8,
	SPIKED_I16,
	SPIKED_U16,
	SPIKED_I32,
};

SPIKED_API size_t spiked_type_size(enum spiked_type type); /* bytes of one value, 0 = no type */

/* One entry of a partial row. */
struct spiked_pair {
	uint32_t channel;
	float value;
};

struct spiked_sender;

/* Starts to connect to spiked's ingest endpoint, e.g. SPIKED_INGEST_DEFAULT; does not wait for it.
 * Free with spiked_sender_close(). NULL: errno is EINVAL (endpoint or options), ENOMEM, EMFILE. */
SPIKED_API struct spiked_sender *spiked_sender_new(
	const char *endpoint, const struct spiked_options *options);

/* Waits at most linger_ms for the rows that were accepted to leave, then frees. Accepts NULL. */
SPIKED_API void spiked_sender_close(struct spiked_sender *sender);

/* Sends n_rows rows of n_channels values, row-major, in the type that the stream declares. A NaN is
 * "no sample" for its channel. The memory is copied.
 *
 * `stamp` NULL: stamped with the present time and the stream's next sequence number (unless
 * spiked_sender_stamping() turned that off); otherwise sent as given.
 *
 * 0: accepted, to be sent in the background. -EAGAIN: no room or no connection within timeout_ms;
 * nothing was sent and no sequence number was used, so the call may be repeated; a caller that
 * gives the row up says so with spiked_sender_skip(). -EINVAL: a bad stream name, no rows, no
 * channels. -EMSGSIZE: the sizes overflow. -EINTR, -ENOMEM.
 *
 * spiked gives no answer to rows: it counts the ones it refuses (wrong length, unknown stream) in
 * the stream's counters; see the control method `stats`. */
SPIKED_API int spiked_send(struct spiked_sender *sender, const char *stream, enum spiked_type type,
	const void *rows, size_t n_rows, size_t n_channels, const struct spiked_stamp *stamp);

/* The same for float rows. */
SPIKED_API int spiked_send_f32(struct spiked_sender *sender, const char *stream, const float *rows,
	size_t n_rows, size_t n_channels, const struct spiked_stamp *stamp);

/* A partial row, to a stream of type `pairs`: channels that are not named keep their value. */
SPIKED_API int spiked_send_pairs(struct spiked_sender *sender, const char *stream,
	const struct spiked_pair *pairs, size_t n_pairs, const struct spiked_stamp *stamp);

/* JSON text, to a stream of type `json`: "[1, 2.5, null]", "[[..],[..]]" or an object with
 * "values". The text is not checked here. */
SPIKED_API int spiked_send_json(struct spiked_sender *sender, const char *stream, const char *json,
	const struct spiked_stamp *stamp);

/* A payload in whatever type the stream declares, as it is; `stamp` NULL = without one. */
SPIKED_API int spiked_send_raw(struct spiked_sender *sender, const char *stream,
	const void *payload, size_t size, const struct spiked_stamp *stamp);

/* clock manual: passes over `pass` ticks, which never run, and runs `ticks`, with the rows that this
 * sender sent before. */
SPIKED_API int spiked_send_step(struct spiked_sender *sender, uint64_t ticks, uint64_t pass);

/* How long a send may wait for room, ms: 0 = not at all, -1 = for ever. */
SPIKED_API void spiked_sender_timeout(struct spiked_sender *sender, int timeout_ms);

/* Whether messages sent without a stamp get one. On at first. */
SPIKED_API void spiked_sender_stamping(struct spiked_sender *sender, bool on);

/* Leaves out `messages` sequence numbers of the stream, so that spiked counts rows which the
 * caller had to drop as a gap instead of not knowing of them. 0, -EINVAL, -ENOMEM. */
SPIKED_API int spiked_sender_skip(
	struct spiked_sender *sender, const char *stream, uint64_t messages);

SPIKED_API enum spiked_link spiked_sender_link(struct spiked_sender *sender);

/* ---- frames out ---- */

enum spiked_topic {
	SPIKED_TOPIC_SPIKES,
	SPIKED_TOPIC_STATE,
	SPIKED_TOPIC_VALUES,
	SPIKED_TOPIC_JSON,
	SPIKED_TOPIC_META,
	SPIKED_TOPIC_STATUS, /* has no stream */
	SPIKED_TOPIC_BUNDLE, /* its "stream" is the name of a group */
	SPIKED_TOPIC_ROWS, /* what sensors sent; the payload is in the type that the format says */
};

#define SPIKED_TOPIC_MAX 72 /* bytes of a topic, without the NUL */

/* Writes the topic ("spikes/imu/", "status/"), or with stream NULL the prefix of all topics of the
 * kind ("spikes/"). `text` holds SPIKED_TOPIC_MAX + 1 bytes. 0 or -EINVAL (kind or name). */
SPIKED_API int spiked_topic_text(char *text, enum spiked_topic topic, const char *stream);

/* One frame. All pointers are borrowed: they hold until the next spiked_recv() on the receiver,
 * or until it is closed. */
struct spiked_frame {
	enum spiked_topic topic;
	const char *topic_text; /* "spikes/imu/" */
	const char *stream;     /* "imu"; a bundle: the group; status: "" */
	uint32_t part, parts;   /* bundle: this is part 0…parts-1 of one message; else 0 of 1 */

	/* binary topics; zero and NULL otherwise */
	struct spiked_header header; /* checked against the payload */
	const void *payload;         /* aligned to 4 bytes, NULL if empty */
	size_t payload_size;

	/* JSON topics; NULL and 0 otherwise */
	const char *json; /* NUL-terminated; not checked to be well-formed */
	size_t json_size; /* bytes without the NUL */

	/* binary topics: how this message follows the one before on its topic. A bundle carries them
	 * on its first part. */
	uint64_t missed; /* messages lost on the way here, by seq */
	uint64_t
		tick_gap; /* tick numbers without a message: lost ones, ticks that the daemon skipped
	                      (flag SPIKED_GAP) or did not publish for want of spikes */
	bool restarted;   /* the epoch changed: the daemon started anew */
};

struct spiked_receiver_stats {
	uint64_t messages;  /* handed out, a bundle counting once */
	uint64_t malformed; /* thrown away because they broke the protocol */
	uint64_t missed;    /* sum of `missed` */
	uint64_t repeated;  /* whose seq did not go up */
	uint64_t restarts;  /* changes of epoch seen, per topic */
};

struct spiked_receiver;

/* Starts to connect to spiked's publish endpoint, e.g. SPIKED_PUBLISH_DEFAULT; does not wait for
 * it and subscribes to nothing. Free with spiked_receiver_close(). NULL: as spiked_sender_new(). */
SPIKED_API struct spiked_receiver *spiked_receiver_new(
	const char *endpoint, const struct spiked_options *options);
SPIKED_API void spiked_receiver_close(struct spiked_receiver *receiver); /* accepts NULL */

/* Subscribes to one stream's topic; NULL = to that topic of every stream. 0, -EINVAL. */
SPIKED_API int spiked_subscribe(
	struct spiked_receiver *receiver, enum spiked_topic topic, const char *stream);
SPIKED_API int spiked_unsubscribe(
	struct spiked_receiver *receiver, enum spiked_topic topic, const char *stream);

/* The same by a raw prefix of the topic; "" = everything. "spikes/imu" without the last slash would
 * also match imu2. */
SPIKED_API int spiked_subscribe_prefix(struct spiked_receiver *receiver, const char *prefix);
SPIKED_API int spiked_unsubscribe_prefix(struct spiked_receiver *receiver, const char *prefix);

/* Waits up to timeout_ms (0 = not at all, -1 = for ever) for the next frame. 0: *frame is filled.
 * -EAGAIN: none came; *frame is untouched. -EINTR. -ENOMEM: a message was thrown away for want of
 * memory. Messages that break the protocol are counted and passed over, see
 * spiked_receiver_stats(). */
SPIKED_API int spiked_recv(
	struct spiked_receiver *receiver, struct spiked_frame *frame, int timeout_ms);

struct spiked_bytes {
	const void *data;
	size_t size;
};

/* The same for recorders and relays: a whole message as it came, topic first, neither checked nor
 * accounted for. Do not use both on one receiver. */
SPIKED_API int spiked_recv_raw(struct spiked_receiver *receiver, const struct spiked_bytes **frames,
	size_t *count, int timeout_ms);

/* For an event loop: a descriptor that becomes readable when there may be frames. It signals edges:
 * after each wake-up, and once before the first wait, call spiked_recv(…, 0) until -EAGAIN. Never
 * read, write or close it. */
SPIKED_API int spiked_receiver_fd(struct spiked_receiver *receiver);

SPIKED_API enum spiked_link spiked_receiver_link(struct spiked_receiver *receiver);
SPIKED_API void spiked_receiver_stats(
	const struct spiked_receiver *receiver, struct spiked_receiver_stats *stats);

/* What was wrong with the last malformed message, a constant text; "" = there was none. */
SPIKED_API const char *spiked_receiver_fault(const struct spiked_receiver *receiver);

/* Checks and decodes the two frames after a topic, for callers that have their own transport. The
 * payload is borrowed and must be aligned to 4 bytes. Fills header, payload and payload_size and
 * clears the rest. 0; -EBADMSG with *why (may be NULL) set to a constant text; -EINVAL for an
 * unaligned payload. */
SPIKED_API int spiked_decode(const void *header, size_t header_size, const void *payload,
	size_t payload_size, struct spiked_frame *frame, const char **why);

/* The raw spike words (format words and graded), header.count of them; NULL for other formats or
 * none. Line = word & ~SPIKED_NEGATIVE. */
SPIKED_API const uint32_t *spiked_words(const struct spiked_frame *frame);

/* header.count floats: state or values, or the values of graded spikes; NULL for other formats. */
SPIKED_API const float *spiked_floats(const struct spiked_frame *frame);

/* The bitmap of the positive (or negative) spikes, ceil(lines / 8) bytes; NULL for other formats
 * and for a plane that is not there. */
SPIKED_API const uint8_t *spiked_bitmap(const struct spiked_frame *frame, bool negative);

struct spiked_spike {
	uint32_t line;
	bool negative; /* graded spikes: never, the value has the sign */
	float value;   /* of a graded spike; else 1 */
};

/* Walks the spikes of a frame in any format, ascending by line:
 *
 *	struct spiked_iter it = {0};
 *	struct spiked_spike spike;
 *	while (spiked_next(&frame, &it, &spike))
 *		...
 */
struct spiked_iter {
	uint32_t at;   /* next word, or next byte of the bitmap */
	uint8_t bits;  /* of the present byte, not yet given */
	uint8_t minus; /* the same in the negative plane */
};
SPIKED_API bool spiked_next(
	const struct spiked_frame *frame, struct spiked_iter *iter, struct spiked_spike *spike);

/* ---- control ---- */

struct spiked_error {
	int code;          /* JSON-RPC's, if the daemon answered with an error; else 0 */
	char message[512]; /* a sentence; always set when spiked_call() fails */
	char path[128];    /* the parameter at fault, e.g. "stream.encode[0].lif.v_th"; "" = none */
};

struct spiked_control;

/* Starts to connect to spiked's control endpoint, e.g. SPIKED_CONTROL_DEFAULT; does not wait for
 * it. Free with spiked_control_close(). NULL: as spiked_sender_new(). */
SPIKED_API struct spiked_control *spiked_control_new(
	const char *endpoint, const struct spiked_options *options);
SPIKED_API void spiked_control_close(struct spiked_control *control); /* accepts NULL */

/* Calls a method and waits up to timeout_ms (-1 = for ever) for its answer. `params_json` is a JSON
 * object or array as text, or NULL. On success *result_json (may be NULL) is the result's JSON text
 * as the daemon wrote it, to be freed with free().
 *
 * 0: done. -EREMOTEIO: the daemon answered with an error. -ENOTCONN: no connection within the time;
 * the daemon did not get the request. -EKEYREJECTED: likewise, because of keys (spiked_link_text). -ETIMEDOUT: no answer; the daemon may have carried the
 * request out. -EINVAL: params_json is no JSON. -EBADMSG: the answer is not JSON-RPC. -EINTR,
 * -ENOMEM. `error` may be NULL. After any of them the handle is good for the next call: an answer
 * that comes late is recognised by its id and thrown away. A request is never sent twice. */
SPIKED_API int spiked_call(struct spiked_control *control, const char *method,
	const char *params_json, int timeout_ms, char **result_json, struct spiked_error *error);

/* ---- keys ---- */

#define SPIKED_KEY_TEXT 41 /* a key of 40 characters (Z85) and its NUL */

/* Makes a pair of CURVE keys, for a daemon or a client. 0, or -ENOTSUP: this libzmq has no CURVE. */
SPIKED_API int spiked_keygen(char public_key[SPIKED_KEY_TEXT], char secret_key[SPIKED_KEY_TEXT]);

/* What a handle needs for a spiked with `security`: the daemon's public key, and a pair of its own. */
struct spiked_keys {
	char server_key[SPIKED_KEY_TEXT];
	char public_key[SPIKED_KEY_TEXT];
	char secret_key[SPIKED_KEY_TEXT];
};

/* Reads the own pair from a file as `spikectl keygen` makes it. `server` is the daemon's public key, or
 * the path of a file with a line `public: "…"`. 0, or a negative errno with a sentence in `fault` (may be
 * NULL): -EACCES too if others may read the own file. */
SPIKED_API int spiked_keys_read(struct spiked_keys *keys, const char *own_path, const char *server,
	char *fault, size_t fault_size);

/* Overwrites them. */
SPIKED_API void spiked_keys_wipe(struct spiked_keys *keys);

#ifdef __cplusplus
}
#endif

#endif
