/* The page in a real browser, against the real daemon. Needs SPIKED_BIN and Chromium.
 *
 * SPIKED_SHOTS=FOLDER keeps a screenshot of each width; that of 1,280 pixels is the one in docs/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { chromium as playwright } from "playwright-core";
import { chromium, Daemon, slow, until } from "./daemon.js";

const ARGS = [
	"--no-sandbox",
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
];
const LINES = 1000;

const missing = !process.env.SPIKED_BIN ? "SPIKED_BIN is not set" : !chromium() ? "there is no Chromium" : false;
const messages = []; /* of the console, and errors: there must be none */
const requests = new Set();
let browser, daemon, page;

before(async () => {
	if (missing)
		return;
	daemon = await Daemon.start({
		streams: [
			{
				name: "arm",
				names: ["shoulder", "elbow"],
				unit: "rad",
				input: { stale_after: "300 ms" },
				encode: [{ poisson: { f_max: "200 Hz" } }],
			},
			{ name: "membrane", channels: 2, encode: [{ lif: { tau_mem: "20 ms" } }] },
			{
				name: "imu",
				names: ["ax", "ay", "az", "gx", "gy", "gz"],
				range: { lo: -1, hi: 1 },
				encode: [{ population: { out_features: 12, lo: 0, hi: 1 } }, { PoissonEncoderStep: {} }],
			},
			{ name: "eye", channels: 48, shape: [6, 8], encode: [{ poisson: { f_max: "300 Hz" } }] },
			{ name: "cochlea", channels: LINES, encode: [{ poisson: { f_max: "100 Hz" } }] },
		],
	});
	browser = await playwright.launch({ executablePath: chromium(), args: ARGS });
	page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: "dark" });
	page.setDefaultTimeout(10000 * slow);
	/* The pixels of a lane's canvas, right of `left`, read from a copy: reading a canvas itself makes it slow. */
	await page.addInitScript(() => {
		globalThis.pixelsOf = (lane, left = 0) => {
			const canvas = document.querySelector(`[data-lane="${lane}"] canvas`);
			const copy = new OffscreenCanvas(canvas.width - left, canvas.height).getContext("2d", {
				willReadFrequently: true,
			});
			copy.drawImage(canvas, -left, 0);
			return copy.getImageData(0, 0, canvas.width - left, canvas.height);
		};
	});
	page.on("console", (message) => ["error", "warning"].includes(message.type()) && messages.push(message.text()));
	page.on("pageerror", (error) => messages.push(error.stack));
	page.on("request", (request) => requests.add(new URL(request.url()).origin));
	page.on("websocket", (socket) => requests.add(new URL(socket.url()).origin));
});

after(async () => {
	await browser?.close();
	assert.equal((await daemon?.close()) ?? 0, 0, daemon?.log);
});

const check = (name, run) => test(name, { skip: missing, timeout: 60000 * slow }, run);
const text = (selector) => page.locator(selector).innerText();
const fact = async (term) =>
	number(
		await page
			.locator("#stream-facts div")
			.filter({ has: page.getByText(term, { exact: true }) })
			.locator("dd")
			.innerText(),
	);

/* "1.2 k" → 1200 */
function number(words) {
	const [, digits, prefix] = words.match(/^(-?[\d.]+) ?([kMG]?)/) ?? [];
	return Number(digits) * { "": 1, k: 1e3, M: 1e6, G: 1e9 }[prefix];
}

/* How many pixels of a lane's plot, right of the labels, are nearer to this colour of the style than to the ground. */
function pixels(lane, colour) {
	return page.evaluate(
		([lane, colour]) => {
			const style = getComputedStyle(document.documentElement);
			const [ground, wanted] = ["ground", colour].map((name) =>
				parseInt(style.getPropertyValue(`--${name}`).trim().slice(1), 16),
			);
			const { data } = globalThis.pixelsOf(lane, 80);
			const far = (i, from) =>
				Math.abs(data[i] - (from >> 16)) +
				Math.abs(data[i + 1] - ((from >> 8) & 255)) +
				Math.abs(data[i + 2] - (from & 255));
			let found = 0;
			for (let i = 0; i < data.length; i += 4)
				found += far(i, wanted) < far(i, ground);
			return found;
		},
		[lane, colour],
	);
}

async function choose(stream) {
	await page.click(`[data-stream="${stream}"]`);
	await until(`${stream} is shown`, async () => (await text("#name")) === stream);
}

check("spikes appear, and every stream says how it is", async () => {
	daemon.feed("arm", 100, (s) => [0.5 + 0.3 * Math.sin(s), 0.5]);
	daemon.feed("membrane", 100, (s) => [1.5 + Math.sin(3 * s), 2]);
	await page.goto(daemon.page);
	await until("it is connected", async () => (await text("#link")) === "connected");
	await until("spikes are drawn", async () => (await pixels("raster", "spike")) > 100);
	assert.equal(await text("#name"), "arm");
	await until("rates are told", async () => (await fact("rows/s")) > 20 && (await fact("spikes/s")) > 50);
	assert.equal(await text("#liveness"), "live");
	assert.equal(await page.locator('[data-stream="cochlea"] .word').last().innerText(), "silent");
	assert.equal(await page.locator("#list li").count(), 5);
	await until("lateness is told", async () =>
		/^\+[\d.]+ [mµ]?s$/.test(await page.locator('[data-stream="arm"] .word').first().innerText()),
	);
	assert.match(await text("#facts"), /wall, dt 1 ms[\s\S]*late p99\s+[\d.]+ [mµ]?s/);
});

check("voltages with their threshold, and input values, are drawn on the same axis", async () => {
	await choose("membrane");
	await until("curves of the state", async () => (await pixels("state", "trace0")) > 100);
	await until("curves of the values", async () => (await pixels("values", "trace1")) > 100);
	const lefts = await page
		.locator(".lane:not([hidden]) canvas, .axis")
		.evaluateAll((all) => all.map((canvas) => canvas.getBoundingClientRect().left));
	assert.equal(new Set(lefts).size, 1);
	await page.locator('[data-lane="values"] .chip').first().click();
	await until("the curve is gone", async () => (await page.locator('[data-lane="values"] .chip').count()) === 1);
});

check("a parameter changes the rate, what cannot be says why, and there is a way back", async () => {
	await choose("arm");
	const param = page.locator('[data-stage="poisson"] [data-param="f_max"]');
	const type = async (value) => {
		await param.locator(".number").fill(value);
		await param.locator(".number").press("Enter");
	};
	await until("the rate before", async () => (await fact("spikes/s")) > 100);
	await type("10 Hz");
	await until(
		"the daemon has it",
		async () => (await daemon.control.call("stream", { name: "arm" })).pipeline.at(-1).params.f_max === 10,
	);
	await until("the rate falls", async () => (await fact("spikes/s")) < 40);
	await type("10 Hx");
	await until("it says why", async () => /unknown unit/.test(await param.locator(".fault").innerText()));
	await param.locator('input[type="range"]').fill("900");
	await until(
		"the slider is followed",
		async () => (await daemon.control.call("stream", { name: "arm" })).pipeline.at(-1).params.f_max > 100,
	);
	await param.locator(".reset").click();
	await until(
		"the default is back",
		async () => (await daemon.control.call("stream", { name: "arm" })).pipeline.at(-1).params.f_max === 100,
	);
});

check("a population is a heat map, and its defaults are those of the name it was asked by", async () => {
	daemon.feed("imu", 100, (s) => [1, 1.3, 1.7, 2.1, 0.7, 2.6].map((hz, i) => 0.9 * Math.sin(hz * s + i)));
	await choose("imu");
	await page.waitForSelector('[data-lane="heat"]:not([hidden])');
	const colours = () =>
		page.evaluate(() => new Set(new Uint32Array(globalThis.pixelsOf("heat", 80).data.buffer)).size);
	await until("it has many colours", async () => (await colours()) > 30);
	const f_max = page.locator('[data-param="f_max"]');
	assert.equal(await f_max.locator("output").innerText(), "1 kHz");
	await until("that is the default of PoissonEncoderStep", async () =>
		/1 kHz/.test(await f_max.locator(".reset").getAttribute("title")),
	);
});

check("a 2-D stream is an image, the right way up", async () => {
	const bright = 2 * 8 + 5; /* row 2, column 5 of 6 × 8 */
	daemon.feed("eye", 50, () => Array.from({ length: 48 }, (_, i) => (i === bright ? 1 : 0)));
	await choose("eye");
	const where = () =>
		page.evaluate(() => {
			const { data, width, height } = globalThis.pixelsOf("image");
			const yellow = [];
			let left = width,
				right = 0,
				top = height,
				bottom = 0;
			for (let y = 0; y < height; y++)
				for (let x = 0; x < width; x++) {
					const [r, g, b] = data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3);
					if (r > 240 && g > 200 && b < 80)
						yellow.push([x, y]);
					if (r > 60 && r < 75 && g < 10 && b > 75) {
						/* viridis' dark end */
						left = Math.min(left, x);
						right = Math.max(right, x + 1);
						top = Math.min(top, y);
						bottom = Math.max(bottom, y + 1);
					}
				}
			const middle = (i) => yellow.reduce((sum, at) => sum + at[i], 0) / yellow.length;
			return (
				yellow.length && [
					Math.floor(((middle(1) - top) / (bottom - top)) * 6),
					Math.floor(((middle(0) - left) / (right - left)) * 8),
				]
			);
		});
	await until("the bright one shows", where);
	assert.deepEqual(await where(), [2, 5]);
});

check("pause, look back, closer, live again; keys and help", async () => {
	await choose("arm");
	await until("spikes", async () => (await pixels("raster", "spike")) > 50);
	const picture = () => page.evaluate(() => document.querySelector('[data-lane="raster"] canvas').toDataURL());
	await page.keyboard.press("Space");
	await until("it says so", async () => (await text("#pause")) === "Go on");
	await sleep(100);
	const still = await picture();
	await sleep(300);
	assert.equal(await picture(), still);
	await page.keyboard.press("ArrowLeft");
	await until("it moved back", async () => /ending 1 s ago/.test(await text("#span")));
	await page.keyboard.press("+");
	await until("it is closer", async () => /^3.5 s shown/.test(await text("#span")));
	await page.keyboard.press("l");
	await until("it runs", async () => (await text("#pause")) === "Pause" && (await picture()) !== still);
	const box = await page.locator(".overview").boundingBox();
	await page.mouse.click(box.x + box.width * 0.9, box.y + 10);
	await until("a click in the minute looks back", async () =>
		/ending [3-9](\.\d+)? s ago/.test(await text("#span")),
	);
	await page.click("#live");
	await page.keyboard.press("?");
	await page.locator("#keys").waitFor({ state: "visible" });
	await page.keyboard.press("Escape");
	await page.locator("#keys").waitFor({ state: "hidden" });
});

check("a stream is added from the form, which is checked as one types, and removed", async () => {
	await page.keyboard.press("a");
	const form = page.locator("#form");
	const fault = (field) => form.locator(`[data-field="${field}"] .fault`).innerText();
	await form.locator('[name="name"]').fill("my skin");
	await until("the name is refused", async () => /is not a name/.test(await fault("name")));
	assert.ok(await form.locator(".primary").isDisabled());
	await form.locator('[name="name"]').fill("skin");
	await form.locator('[name="channels"]').fill("6");
	await form.locator('[name="shape"]').fill("2, 2");
	await until("the shape is refused", async () => /must be the 6 channels/.test(await fault("shape")));
	await form.locator('[name="shape"]').fill("2, 3");
	await form.locator('[name="lif.v_th"]').fill("high");
	await until(
		"the parameter is refused",
		async () => (await form.locator('[data-param="v_th"] .fault').innerText()).length > 0,
	);
	await form.locator('[name="lif.v_th"]').fill("0.5");
	await until("it would do", async () =>
		/6 channels → 6 lines of spikes/.test(await form.locator(".verdict").innerText()),
	);
	await form.locator(".primary").click();
	await until("it is shown", async () => (await text("#name")) === "skin");
	const meta = await daemon.control.call("stream", { name: "skin" });
	assert.deepEqual([meta.shape, meta.pipeline[0].stage, meta.pipeline[0].params.v_th], [[2, 3], "lif", 0.5]);
	const stop = daemon.feed("skin", 50, () => [1, 1, 1, 1, 1, 1]);
	await until("its spikes are drawn", async () => (await pixels("raster", "spike")) > 50);
	await stop();
	await page.click("#remove");
	await page.click('#sure [value="yes"]');
	await until("it is gone", async () => (await page.locator('[data-stream="skin"]').count()) === 0);
});

check("a sensor that stops turns its stream stale", async () => {
	const stop = daemon.feed("cochlea", 20, () => Array.from({ length: LINES }, () => 0.5));
	await choose("cochlea");
	await until("it is live", async () => (await text("#liveness")) === "live");
	await stop();
	await until("it is stale", async () => (await text("#liveness")) === "stale");
	assert.equal(await page.locator('[data-stream="cochlea"] .word').last().innerText(), "stale");
});

check("1,000 lines at 1 kHz", async (t) => {
	daemon.feed("cochlea", 100, (s) => Array.from({ length: LINES }, (_, i) => 0.5 + 0.5 * Math.sin(i / 40 + 4 * s)));
	await choose("cochlea");
	await until("it says what it does", async () =>
		/lines share a pixel: brighter = more spikes/.test(
			await page.locator('[data-lane="raster"] .note').innerText(),
		),
	);
	await until(
		"it is dense",
		async () => (await fact("spikes/s")) > 20000 && (await pixels("raster", "spike")) > 1000,
	);
	/* Frames, and what drawing one takes of the page's own thread. */
	const { frames, median, ms } = await page.evaluate(
		() =>
			new Promise((resolve) => {
				const took = [],
					began = performance.now();
				const original = globalThis.requestAnimationFrame;
				globalThis.requestAnimationFrame = (run) =>
					original((here) => {
						const start = performance.now();
						run(here);
						took.push(performance.now() - start);
					});
				setTimeout(() => {
					globalThis.requestAnimationFrame = original;
					took.sort((a, b) => a - b);
					resolve({ frames: took.length, median: took[took.length >> 1], ms: performance.now() - began });
				}, 3000);
			}),
	);
	t.diagnostic(
		`${((1000 * frames) / ms).toFixed(1)} frames a second without a GPU, ${median.toFixed(1)} ms each to draw, ${await fact("missed here")} messages missed so far`,
	);
	assert.ok(median < 8 * slow, `${median} ms to draw a frame: 60 a second leave 16`);
	assert.ok(frames > 10 / slow, `${frames} frames in 3 s`);
});

for (const [width, height, scheme] of [
	[400, 860, "dark"],
	[1280, 800, "dark"],
	[1920, 1080, "light"],
])
	check(`${width} pixels: nothing sticks out`, async () => {
		await page.setViewportSize({ width, height });
		if ((await page.evaluate(() => document.documentElement.dataset.theme)) !== scheme)
			await page.click("#theme");
		await choose(width === 1920 ? "membrane" : width === 1280 ? "imu" : "eye");
		await sleep(300);
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
		for (const id of ["pause", "theme", "help", "add"])
			assert.ok((await page.locator(`#${id}`).boundingBox()).x + 10 < width, id);
		if (process.env.SPIKED_SHOTS) {
			await sleep(4000);
			await page.screenshot({
				path: join(process.env.SPIKED_SHOTS, width === 1280 ? "page.png" : `page-${width}.png`),
				fullPage: width < 720,
			});
		}
	});

check("a daemon that is killed is noticed, and found again after its restart", async () => {
	await page.setViewportSize({ width: 1280, height: 800 });
	await choose("arm");
	await daemon.kill();
	await until("it is noticed", async () => /not connected/.test(await text("#link")));
	assert.equal(await text("#liveness"), "unknown");
	messages.splice(
		0,
		messages.length,
		...messages.filter((message) => !/WebSocket connection to .* failed/.test(message)),
	);
	await daemon.run();
	await until("it is found again", async () => (await text("#link")) === "connected");
	await until("the restart is told", async () => /restarted/.test(await text("#lost")));
	await until(
		"spikes are drawn again",
		async () => (await text("#liveness")) === "live" && (await pixels("raster", "spike")) > 100,
	);
	messages.splice(
		0,
		messages.length,
		...messages.filter((message) => !/WebSocket connection to .* failed/.test(message)),
	);
});

check("no error in the console, and nothing was asked of another host", () => {
	assert.deepEqual(messages, []);
	const host = new URL(daemon.page).host;
	assert.deepEqual([...requests].sort(), [`http://${host}`, `ws://${host}`]);
});
