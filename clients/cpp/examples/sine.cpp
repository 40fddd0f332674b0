// A sine into a stream of one f32 channel, and its spikes out: sine [STREAM]
//
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <iostream>

#include <spiked/spiked.hpp>

using namespace std::chrono_literals;

int main(int argc, char **argv)
try {
	const std::string stream = argc > 1 ? argv[1] : "imu";
	spiked::Control control;
	std::cout << control.call("stream", R"({"name": ")" + stream + R"("})") << "\n";
	spiked::Sender sender;
	spiked::Receiver receiver({"spikes/" + stream + "/"});
	for (int step = 0; step < 1000; step++) {
		sender.send(stream, {1.5f + std::sin(0.02f * static_cast<float>(step))});
		const auto frame = receiver.recv(1s);
		if (!frame)
			continue;
		if (frame->restarted() || frame->missed())
			std::cout << "restarted: " << frame->restarted() << ", lost " << frame->missed() << " messages\n";
		for (const spiked::Spike &spike : frame->spikes())
			std::cout << "tick " << frame->tick() << " line " << spike.line << (spike.negative ? " -" : " +") << "\n";
	}
} catch (const spiked::Error &error) {
	std::cerr << error.what() << "\n";
	return 1;
}
