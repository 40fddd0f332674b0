// The C++ client's agent, see ../README.md.
//
// SPDX-License-Identifier: Apache-2.0
#include <cinttypes>
#include <cmath>
#include <cstring>
#include <iostream>
#include <limits>
#include <map>

#include <jansson.h>
#include <spiked/spiked.hpp>

namespace {

struct Unref {
	void operator()(json_t *json) const { json_decref(json); }
};
using Json = std::unique_ptr<json_t, Unref>;

std::string dumped(const json_t *json)
{
	const std::unique_ptr<char, decltype(&std::free)> text(json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY), std::free);
	return text.get();
}

std::string text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

std::int64_t whole_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

std::vector<std::string> topics_of(const json_t *request)
{
	std::vector<std::string> topics;
	const json_t *list = json_object_get(request, "topics");
	for (std::size_t i = 0; i < json_array_size(list); i++)
		topics.emplace_back(json_string_value(json_array_get(list, i)));
	return topics;
}

std::string hex(std::uint64_t number)
{
	char text[17];
	std::snprintf(text, sizeof(text), "%016" PRIx64, number);
	return text;
}

// As they lie on the wire; a NaN is none.
template <typename T> Json rows_of(const spiked::Frame &frame)
{
	Json rows(json_array());
	const unsigned char *at = frame.payload().data();
	for (std::uint32_t r = 0; r < frame.header().count; r++) {
		json_t *row = json_array();
		for (std::uint32_t i = 0; i < frame.header().lines; i++, at += sizeof(T)) {
			T value;
			std::memcpy(&value, at, sizeof(T));
			if constexpr (std::is_integral_v<T>)
				json_array_append_new(row, json_integer(value));
			else
				json_array_append_new(row, std::isnan(value) ? json_null() : json_real(double{value}));
		}
		json_array_append_new(rows.get(), row);
	}
	return rows;
}

Json pairs_of(const spiked::Frame &frame)
{
	json_t *row = json_array();
	for (std::size_t at = 0; at < frame.payload().size(); at += sizeof(spiked::Pair)) {
		spiked::Pair pair;
		std::memcpy(&pair, frame.payload().data() + at, sizeof(pair));
		json_array_append_new(row, json_pack("[If]", json_int_t{pair.channel}, double{pair.value}));
	}
	return Json(json_pack("[o]", row));
}

// An object has them in `values`, and a single row may stand alone.
Json json_rows_of(const spiked::Frame &frame)
{
	const Json document(json_loadb(reinterpret_cast<const char *>(frame.payload().data()), frame.payload().size(), 0, nullptr));
	json_t *values = json_object_get(document.get(), "values");
	json_t *rows = json_incref(values ? values : document.get());
	return Json(json_is_array(json_array_get(rows, 0)) ? rows : json_pack("[o]", rows));
}

Json any_rows_of(const spiked::Frame &frame)
{
	switch (frame.header().format) {
	case SPIKED_FORMAT_ROWS_F32: return rows_of<float>(frame);
	case SPIKED_FORMAT_ROWS_F64: return rows_of<double>(frame);
	case SPIKED_FORMAT_ROWS_I8: return rows_of<std::int8_t>(frame);
	case SPIKED_FORMAT_ROWS_U8: return rows_of<std::uint8_t>(frame);
	case SPIKED_FORMAT_ROWS_I16: return rows_of<std::int16_t>(frame);
	case SPIKED_FORMAT_ROWS_U16: return rows_of<std::uint16_t>(frame);
	case SPIKED_FORMAT_ROWS_I32: return rows_of<std::int32_t>(frame);
	case SPIKED_FORMAT_ROWS_JSON: return json_rows_of(frame);
	default: return pairs_of(frame);
	}
}

const char *format_of(const spiked_header &h)
{
	static const char *const ticks[] = {"", "words", "bitmap", "f32", "graded"};
	static const char *const rows[] = {"f32", "f64", "i8", "u8", "i16", "u16", "i32", "json", "pairs"};
	return h.kind == SPIKED_KIND_ROWS ? rows[h.format - SPIKED_FORMAT_ROWS_F32] : ticks[h.format];
}

Json part_of(const spiked::Frame &frame)
{
	static const char *const kinds[] = {"", "spikes", "state", "values", "rows"};
	static const char *const flags[] = {"late", "gap", "stale", "reset", "window", "restored"};
	const spiked_header &h = frame.header();
	Json part(json_pack("{ss ss s[] ss ss ss ss ss sI sI sI}", "kind", kinds[h.kind], "format", format_of(h),
		"flags", "epoch", hex(h.epoch).c_str(), "tick", std::to_string(h.tick).c_str(), "seq",
		std::to_string(h.seq).c_str(), "time_ns", std::to_string(h.time_ns).c_str(), "source_ns",
		std::to_string(h.source_ns).c_str(), "dt_ns", json_int_t{h.dt_ns}, "lines", json_int_t{h.lines}, "count",
		json_int_t{h.count}));
	for (unsigned bit = 0; bit < std::size(flags); bit++)
		if (frame.has(static_cast<spiked_flag>(1u << bit)))
			json_array_append_new(json_object_get(part.get(), "flags"), json_string(flags[bit]));
	if (h.kind == SPIKED_KIND_ROWS)
		json_object_set_new(part.get(), "rows", any_rows_of(frame).release());
	if (h.kind == SPIKED_KIND_SPIKES) {
		json_t *line = json_array(), *sign = json_array();
		for (const spiked::Spike &spike : frame.spikes()) {
			json_array_append_new(line, json_integer(spike.line));
			json_array_append_new(sign, json_integer(spike.negative ? -1 : 1));
		}
		json_object_set_new(part.get(), "line", line);
		json_object_set_new(part.get(), "sign", sign);
	}
	if (h.format == SPIKED_FORMAT_F32 || h.format == SPIKED_FORMAT_GRADED) {
		json_t *values = json_array();
		for (const float value : frame.values())
			json_array_append_new(values, std::isfinite(value) ? json_real(double{value}) : json_null());
		json_object_set_new(part.get(), "values", values);
	}
	return part;
}

Json message_of(const spiked::Frame &frame)
{
	Json message(json_pack("{ss# sI sb}", "topic", frame.topic_text().data(), frame.topic_text().size(), "missed",
		static_cast<json_int_t>(frame.missed()), "restarted", frame.restarted()));
	if (const std::string_view text = frame.json(); !text.empty())
		json_object_set_new(message.get(), "json", json_loadb(text.data(), text.size(), 0, nullptr));
	else
		json_object_set_new(message.get(), "parts", json_pack("[o]", part_of(frame).release()));
	return message;
}

class Agent {
public:
	Json answer(const json_t *request)
	{
		static const std::map<std::string, Json (Agent::*)(const json_t *)> commands = {
			{"hello", &Agent::hello},
			{"connect", &Agent::connect},
			{"close", &Agent::close},
			{"send", &Agent::send},
			{"subscribe", &Agent::subscribe},
			{"unsubscribe", &Agent::unsubscribe},
			{"receive", &Agent::receive},
			{"call", &Agent::call},
		};
		try {
			return (this->*commands.at(text_of(request, "do")))(request);
		} catch (const spiked::ControlError &error) {
			Json answer(json_pack("{ss si}", "error", error.what(), "code", error.rpc_code()));
			if (!error.path().empty())
				json_object_set_new(answer.get(), "path", json_string(error.path().c_str()));
			return answer;
		} catch (const std::exception &error) {
			return Json(json_pack("{ss si}", "error", error.what(), "code", 0));
		}
	}

private:
	Json hello(const json_t *) { return Json(json_pack("{ss s[ss]}", "client", "cpp", "can", "keys", "rows")); }

	Json close(const json_t *)
	{
		sender_.reset();
		receiver_.reset();
		control_.reset();
		return Json(json_object());
	}

	Json connect(const json_t *request)
	{
		close(request);
		spiked::Options options;
		options.timeout = spiked::milliseconds(whole_of(request, "timeout_ms"));
		if (const json_t *keys = json_object_get(request, "keys"))
			options.keys = spiked::Keys::load(text_of(keys, "file"), text_of(keys, "server"));
		sender_.emplace(text_of(request, "ingest"), options);
		receiver_.emplace(std::initializer_list<std::string>{}, text_of(request, "publish"), options);
		control_.emplace(text_of(request, "control"), options);
		return Json(json_object());
	}

	template <typename T>
	void send_numbers(const std::string &stream, const json_t *rows, const std::optional<spiked::Stamp> &stamp)
	{
		std::vector<T> values;
		for (std::size_t r = 0; r < json_array_size(rows); r++)
			for (std::size_t i = 0; i < json_array_size(json_array_get(rows, r)); i++) {
				const json_t *number = json_array_get(json_array_get(rows, r), i);
				if constexpr (std::is_integral_v<T>)
					values.push_back(static_cast<T>(json_integer_value(number)));
				else
					values.push_back(json_is_null(number) ? std::numeric_limits<T>::quiet_NaN()
									      : static_cast<T>(json_number_value(number)));
			}
		if (json_array_size(rows) == 1)
			sender_->send(stream, values, stamp);
		else
			sender_->send_rows(stream, values, json_array_size(rows), stamp);
	}

	void send_pairs(const std::string &stream, const json_t *row, const std::optional<spiked::Stamp> &stamp)
	{
		std::vector<spiked::Pair> pairs;
		for (std::size_t i = 0; i < json_array_size(row); i++) {
			const json_t *pair = json_array_get(row, i);
			pairs.push_back({static_cast<std::uint32_t>(json_integer_value(json_array_get(pair, 0))),
				static_cast<float>(json_number_value(json_array_get(pair, 1)))});
		}
		sender_->send_pairs(stream, pairs, stamp);
	}

	Json send(const json_t *request)
	{
		const std::string stream = text_of(request, "stream"), type = text_of(request, "type");
		const json_t *rows = json_object_get(request, "rows");
		std::optional<spiked::Stamp> stamp;
		if (const json_t *given = json_object_get(request, "stamp"))
			stamp = {std::stoll(text_of(given, "time_ns")), std::stoull(text_of(given, "seq"))};
		if (type == "pairs")
			send_pairs(stream, json_array_get(rows, 0), stamp);
		else if (type == "json")
			sender_->send_json(stream, dumped(rows), stamp);
		else if (type == "f32")
			send_numbers<float>(stream, rows, stamp);
		else if (type == "f64")
			send_numbers<double>(stream, rows, stamp);
		else if (type == "i8")
			send_numbers<std::int8_t>(stream, rows, stamp);
		else if (type == "u8")
			send_numbers<std::uint8_t>(stream, rows, stamp);
		else if (type == "i16")
			send_numbers<std::int16_t>(stream, rows, stamp);
		else if (type == "u16")
			send_numbers<std::uint16_t>(stream, rows, stamp);
		else
			send_numbers<std::int32_t>(stream, rows, stamp);
		return Json(json_object());
	}

	Json subscribe(const json_t *request)
	{
		for (const std::string &topic : topics_of(request))
			receiver_->subscribe(topic);
		return Json(json_object());
	}

	Json unsubscribe(const json_t *request)
	{
		for (const std::string &topic : topics_of(request))
			receiver_->unsubscribe(topic);
		return Json(json_object());
	}

	Json receive(const json_t *request)
	{
		const auto end = std::chrono::steady_clock::now() + spiked::milliseconds(whole_of(request, "timeout_ms"));
		const auto count = static_cast<std::size_t>(whole_of(request, "count"));
		json_t *messages = json_array();
		while (json_array_size(messages) < count) {
			const auto left = std::chrono::duration_cast<spiked::milliseconds>(
				end - std::chrono::steady_clock::now());
			auto frame = receiver_->recv(std::max(left, spiked::milliseconds(0)));
			if (!frame)
				break;
			Json message = message_of(*frame);
			while (frame->part() + 1 < frame->parts() && (frame = receiver_->recv(spiked::milliseconds(0))))
				json_array_append_new(
					json_object_get(message.get(), "parts"), part_of(*frame).release());
			json_array_append_new(messages, message.release());
		}
		return Json(json_pack("{so sI ss#}", "messages", messages, "malformed",
			static_cast<json_int_t>(receiver_->stats().malformed), "fault", receiver_->fault().data(),
			receiver_->fault().size()));
	}

	Json call(const json_t *request)
	{
		const json_t *params = json_object_get(request, "params");
		const std::string result = control_->call(text_of(request, "method"), params ? dumped(params) : "");
		return Json(json_pack("{so}", "result", json_loads(result.c_str(), JSON_DECODE_ANY, nullptr)));
	}

	std::optional<spiked::Sender> sender_;
	std::optional<spiked::Receiver> receiver_;
	std::optional<spiked::Control> control_;
};

} // namespace

int main()
{
	Agent agent;
	for (std::string line; std::getline(std::cin, line);)
		std::cout << dumped(agent.answer(Json(json_loads(line.c_str(), 0, nullptr)).get()).get()) << std::endl;
}
