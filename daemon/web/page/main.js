/* The page: puts model, pictures and controls together, and draws them at every frame.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { Board } from "./board.js";
import { find, write } from "./dom.js";
import { Form } from "./form.js";
import { bindKeys } from "./keys.js";
import { StreamList } from "./list.js";
import { Model } from "./model.js";
import { Facts } from "./facts.js";
import { Tuning } from "./tune.js";

const THEMES = ["dark", "light"];

const model = new Model();
const board = new Board(model);
const tuning = new Tuning(model, find("stages"));
const facts = new Facts(model);
const list = new StreamList(model, find("list"), choose);
const form = new Form(model, find("form"), (name) => {
	wanted = name;
	choose(name);
});
let chosen;
let wanted = decodeURIComponent(location.hash.slice(1)); /* to be chosen once it is there */

function choose(name) {
	const stream = model.streams.get(name);
	if (stream && name === wanted)
		wanted = undefined;
	chosen = stream?.name;
	if (chosen)
		history.replaceState(null, "", `#${encodeURIComponent(chosen)}`);
	board.open(stream);
	tuning.open(stream);
	list.show(chosen);
	refresh();
}

function refresh() {
	const stream = model.streams.get(chosen);
	list.refresh();
	facts.refresh(stream);
	document.body.classList.toggle("no-stream", !stream);
	find("empty").hidden = !!stream;
	write(
		find("empty"),
		model.connected ? "There is no stream yet. Add one, or name some in the configuration." : "",
	);
}

model.addEventListener("streams", () =>
	choose(
		model.streams.has(wanted) ? wanted : model.streams.has(chosen) ? chosen : model.streams.keys().next().value,
	),
);
model.addEventListener("stream", ({ detail }) => {
	if (detail === chosen) {
		tuning.open(model.streams.get(chosen));
		board.open(model.streams.get(chosen));
	}
});
model.addEventListener("status", refresh);
model.addEventListener("link", refresh);
model.addEventListener("epoch", () => {
	board.live();
	facts.tell("The daemon was restarted; pictures begin anew.");
});

function paused(wish = !model.paused) {
	model.pause(wish);
	if (wish)
		board.view.pause();
	else
		board.live();
	shown();
}

/* What the buttons say follows the view, whoever moved it. */
function shown() {
	const still = model.paused;
	find("pause").setAttribute("aria-pressed", String(still));
	write(find("pause"), still ? "Go on" : "Pause");
	document.body.classList.toggle("still", !board.view.live);
	find("live").disabled = board.view.live;
}

board.onmove = shown;

function theme(wish) {
	document.documentElement.dataset.theme = wish;
	localStorage.setItem("spiked-theme", wish);
	board.restyle();
}

function nextTheme() {
	theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]);
}

async function remove() {
	if (!chosen)
		return;
	write(
		find("sure-text"),
		`Remove the stream “${chosen}”? It comes back when the daemon starts again, if the configuration file has it.`,
	);
	find("sure").returnValue = "no";
	find("sure").showModal();
	await new Promise((resolve) => find("sure").addEventListener("close", resolve, { once: true }));
	if (find("sure").returnValue === "yes")
		facts.attempt("remove", { name: chosen });
}

const actions = {
	pause: () => paused(),
	live: () => paused(false),
	theme: nextTheme,
	help: () => find("keys").showModal(),
	add: () => form.open(),
	reset: () => chosen && facts.attempt("reset", { name: chosen }),
	remove,
	closer: () => board.zoom(0.7),
	wider: () => board.zoom(1 / 0.7),
};
for (const [id, action] of Object.entries(actions))
	find(id).addEventListener("click", action);
bindKeys({
	...actions,
	pan: (share) => board.pan(share),
	next: (step) => choose(list.neighbour(chosen, step)),
	lines: (factor, move) => board.lines(factor, move),
	show: (i) => board.toggle(i),
	tune: () => find("stages").querySelector("input, select")?.focus(),
});

theme(
	localStorage.getItem("spiked-theme") ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"),
);
shown();
refresh();

function frame(here) {
	requestAnimationFrame(frame);
	board.draw(model.streams.get(chosen), here);
	list.draw(here);
	facts.frames(here);
}
requestAnimationFrame(frame);
