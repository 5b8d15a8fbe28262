"use strict";
// Asks the server for what is new and draws it. Nothing is asked for twice; what is drawn is kept here.

const EVERY_MS = 700, OLD_S = 10, OLD_SPACINGS = 4, MOST_POINTS = 4000, NAMED_PEAKS = 4;
const VAGUE = 1; // sigma over the value, or the set-point, from which on a point says next to nothing
const DOWN_V = 0.05; // what is left of a voltage that was ramped down
const LEAST_SPAN = 0.2; // of the largest value: an axis shows no less, so that what is constant looks constant
const WALLS = [[3000, "20pt", 2], [1900, "13pt", 1.4]]; // width in pixels from which on type and marks are so large
const ENDED = ["finished", "aborted", "failed"];
const WRONG = ["failed", "aborted", "fallback"];
const kept = {
  frames: 0, pass: 0, curve: -1, meter: { rows: [], stride: 0 }, control: { rows: [], stride: 0 },
  lines: new Map(), placed: new Map(), judged: new Map(), flagged: 0, run: {}, state: {}, operator: false,
};
const sources = {}, models = {};
const $ = (id) => document.getElementById(id);
const say = (id, text) => { const at = $(id); if (at.textContent !== text) at.textContent = text; };
const note = (panel, text) => {
  const at = $(panel).querySelector(".value");
  if (at.textContent !== text) at.textContent = at.parentNode.title = text; // hover shows what does not fit
};
const minutes = (s) => (s === null ? NaN : s / 60);
const number = (v) => (v === null || v === undefined ? NaN : v);
const fixed = (v) => (Number.isFinite(v) ? v.toFixed(3).replace("-0.000", "0.000") : "not known"); // of a meter: no digits of its noise
const short = (v, digits = 3) => (Number.isFinite(v) ? String(Number(v.toPrecision(digits))) : "not known");

function withSigma(found, unit, scale = 1) {
  if (!found || found.value === null || found.value === undefined) return "not known yet";
  const value = found.value * scale, sigma = Math.abs(number(found.sigma) * scale);
  if (!(sigma > 0)) return `${short(value)} ${unit}`.trim();
  const decimals = Math.min(Math.max(1 - Math.floor(Math.log10(sigma)), 0), 12); // no digits beyond those of sigma
  return `${Number(value.toFixed(decimals))} ± ${short(sigma, 2)} ${unit}`.trim();
}

const moment = (s) => (s === null || s < 120 ? `${short(number(s), 2)} s` : `${short(minutes(s))} min`);

function duration(s) {
  if (s < 100) return `${Math.round(s)} s`;
  return s < 6000 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`;
}

async function embedAll() {
  Bokeh.set_log_level("off");
  const text = await (await fetch("/figures.json")).text();
  const wall = WALLS.find(([width]) => innerWidth >= width);
  const made = JSON.parse(!wall ? text : text.replaceAll('"9pt"', `"${wall[1]}"`)
    .replace(/("(?:size|line_width)": (?:\{"type": "value", "value": )?)([\d.]+)/g, (_, before, value) => before + wall[2] * value));
  await Bokeh.embed.embed_items(made.documents, [made.item]);
  Bokeh.documents.forEach(index);
}

function index(made) {
  for (const name of ["map", "map_provisional", "growth", "growth_provisional", "growth_line", "curve", "curve_model", "peaks",
    "band", "before", "profile", "sizes", "flux", "flux_vague", "estimate", "estimate_band", "set_point", "meter", "balance", "quality",
    "sealed", "flagged", "onset_expected", "now"]) {
    const model = made.get_model_by_name(name);
    if (model) sources[name] = model;
  }
  for (const name of ["map_colours", "map_heights", "profile_heights", "diameter_range", "flux_axis", "voltage_range", "current_range"]) {
    const model = made.get_model_by_name(name);
    if (model) models[name] = model;
  }
}

function show(name, columns) { if (sources[name]) sources[name].data = columns; }

function points(name, x, values, sigmas, scale, key = "time") {
  const value = values.map((v) => number(v) * scale), sigma = sigmas.map((v) => number(v) * scale);
  const at = (sign) => value.map((v, k) => v + sign * (Number.isFinite(sigma[k]) ? sigma[k] : 0));
  show(name, { [key]: x, value, low: at(-1), high: at(1) });
}

function scale(range, values) {
  const known = values.filter(Number.isFinite);
  if (!range || !known.length) return;
  const [low, high] = known.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  const half = Math.max(0.55 * (high - low), 0.5 * LEAST_SPAN * Math.max(Math.abs(low), Math.abs(high)), 1e-3);
  range.setv({ start: 0.5 * (low + high) - half, end: 0.5 * (low + high) + half });
}

async function poll() {
  try {
    const asked = new URLSearchParams({
      frames: kept.frames, pass: kept.pass, curve: kept.curve, meter: kept.meter.rows.length, meter_stride: kept.meter.stride,
      control: kept.control.rows.length, control_stride: kept.control.stride,
    });
    const answer = await fetch(`/api/news?${asked}`, { headers: { Accept: "application/json" } });
    if (answer.status === 401) return refused();
    if (!answer.ok) throw new Error(answer.statusText);
    take(await answer.json());
    $("phase").classList.remove("lost");
  } catch (error) {
    say("phase", "no answer");
    $("phase").classList.add("wrong", "lost");
    document.title = "no answer · electrosaxs";
  } finally {
    setTimeout(poll, EVERY_MS);
  }
}

function refused() {
  say("phase", "token needed");
  say("message", "Open this page once with ?token=TOKEN behind its address.");
}

function take(news) {
  kept.run = { ...kept.run, ...news.run };
  kept.state = news.state;
  kept.operator = news.operator;
  const fresh = news.lines.map((line) => JSON.parse(line));
  for (const line of fresh) kept.lines.set(line.index, line);
  kept.frames += fresh.length;
  if (news.panels) takePanels(news.panels);
  if (news.curve) drawCurve(news.curve);
  if (news.meter) takeMeter(news.meter);
  if (news.control) takeControl(news.control);
  if (news.panels) judgeAll();
  else if (fresh.length) drawQuality(fresh.map(judged));
  if (fresh.length || news.panels) { drawMap(); drawGrowth(); }
  if (news.panels) { drawProfile(); drawFlux(); drawOnset(); drawBalance(); }
  drawFacts(news);
}

function takePanels(panels) {
  const f = panels.frames;
  f.index.forEach((index, k) => {
    if (f.time[k] === null) kept.placed.delete(index);
    else kept.placed.set(index, { time: f.time[k], height: f.height[k], phi: f.phi[k], diameter: f.diameter[k] });
  });
  kept.pass = panels.pass;
  kept.panels = panels;
}

function anode() {
  const found = kept.panels && kept.panels.numbers.anode_height;
  return found && found.value !== null ? found.value : kept.run.anode_um || 0;
}

// Frames of the map: as the last pass has them, else as they came.
function cells() {
  const found = [];
  for (const [index, line] of kept.lines) {
    if (line.role && line.role !== "sample") continue;
    const placed = kept.placed.get(index);
    if (placed) found.push({ index, provisional: false, ...placed });
    else if (line.phi !== null && line.time_s !== null) {
      found.push({ index, provisional: true, time: line.time_s, height: line.height_um - anode(), phi: line.phi, diameter: line.diameter_nm });
    }
  }
  return found;
}

function ranked(heights) {
  const near = [];
  for (const h of [...heights].sort((a, b) => a - b)) if (!near.length || h - near[near.length - 1] > 3) near.push(h);
  const rank = (h) => { let best = 0; near.forEach((n, k) => { if (Math.abs(n - h) < Math.abs(near[best] - h)) best = k; }); return best; };
  return { near, rank };
}

function label(axis, near) {
  if (!axis) return;
  const every = Math.ceil(near.length / 9);
  const ticks = near.map((_, k) => k).filter((k) => k % every === 0);
  axis.ticker.ticks = ticks;
  axis.major_label_overrides = new Map(ticks.map((k) => [k, String(Math.round(near[k]))]));
}

// Each cell of the map from half way to the visit of its height before to half way to the next one, no farther than the visits of
// the height that is visited least often are apart: what nobody looked at for longer stays white.
function between(rank, time) {
  const visits = [...new Set(rank)].map((r) => rank.map((_, k) => k).filter((k) => rank[k] === r).sort((a, b) => time[a] - time[b]));
  const middle = (row) => row.slice(1).map((k, n) => time[k] - time[row[n]]).sort((a, b) => a - b)[(row.length - 1) >> 1] || 0;
  const most = 0.51 * (Math.max(0, ...visits.map(middle)) || 1), newest = Math.max(...time), centre = [], width = [];
  const half = (a, b) => Math.min(0.5 * Math.abs(time[a] - time[b]), most);
  for (const row of visits) row.forEach((k, n) => {
    const before = n ? half(k, row[n - 1]) : Math.min(Math.max(time[k], 0.1 * most), most); // nothing before the field
    const after = n + 1 < row.length ? half(k, row[n + 1]) : Math.max(Math.min(newest - time[k], most), 0.1 * most);
    centre[k] = time[k] + 0.5 * (after - before);
    width[k] = 1.01 * (before + after);
  });
  return { centre, width };
}

function drawMap() {
  const all = cells();
  const heights = ranked(new Set(all.map((c) => Math.round(c.height))));
  kept.heights = heights;
  const rank = all.map((c) => heights.rank(c.height)), time = all.map((c) => minutes(c.time));
  const { centre, width } = between(rank, time);
  const phi = all.map((c) => 100 * c.phi);
  show("map", { time: centre, rank, phi, width, height: all.map((c) => Math.round(c.height)), index: all.map((c) => c.index) });
  const fresh = all.map((c, k) => k).filter((k) => all[k].provisional);
  show("map_provisional", { time: fresh.map((k) => time[k]), rank: fresh.map((k) => rank[k]) });
  label(models.map_heights, heights.near);
  const lit = phi.filter((v) => v > 0).sort((a, b) => a - b);
  if (lit.length && models.map_colours) {
    models.map_colours.low = Math.max(lit[Math.floor(0.1 * lit.length)], 1e-3);
    models.map_colours.high = Math.max(lit[lit.length - 1], 1.2 * models.map_colours.low);
  }
  kept.provisional = fresh.length;
  note("phi-map", fresh.length ? `φ in %; white dot: provisional (${fresh.length})` : "φ in %, of every frame");
}

function drawGrowth() {
  const growth = kept.panels && kept.panels.growth;
  if (growth) points("growth", growth.time.map(minutes), growth.value, growth.sigma, 100);
  const line = kept.panels && kept.panels.line;
  show("growth_line", line
    ? { time: [minutes(line.t_start), minutes(line.t_end)], value: [line.t_start, line.t_end].map((t) => 100 * (line.offset + line.slope * t)) }
    : { time: [], value: [] });
  const lowest = kept.heights && kept.heights.near.length ? 0 : -1;
  const fresh = cells().filter((c) => c.provisional && lowest === 0 && kept.heights.rank(c.height) === 0);
  show("growth_provisional", { time: fresh.map((c) => minutes(c.time)), value: fresh.map((c) => 100 * c.phi) });
  const end = growth ? growth.value.length - 1 : -1;
  const now = end >= 0 ? `${withSigma({ value: growth.value[end], sigma: growth.sigma[end] }, "%", 100)}; ` : "";
  note("growth-curve", `${now}grey: onset${fresh.length ? "; hollow: provisional" : " band"}`);
}

function drawCurve(curve) {
  kept.curve = curve.index;
  const good = curve.q.map((_, k) => k).filter((k) => curve.intensity[k] > 0);
  show("curve", { q: good.map((k) => curve.q[k]), intensity: good.map((k) => curve.intensity[k]) });
  show("curve_model", { q: curve.q.map(number), model: curve.model.map((v) => (v > 0 ? v : NaN)) });
  const values = good.map((k) => curve.intensity[k]);
  const peaks = (kept.panels && kept.panels.lattice.peaks) || [];
  const low = Math.min(...values), high = Math.max(...values);
  show("peaks", { q: peaks.map((p) => p.q), low: peaks.map(() => low), high: peaks.map(() => high), at: peaks.map((_, k) => high / 4 ** k), hkl: peaks.map((p, k) => (k < NAMED_PEAKS ? p.hkl : "")) });
  note("intensity", `${curve.index === null ? "" : `frame ${curve.index}, `}${Math.round(curve.height_um - anode())} µm, ${moment(curve.time_s)}; line: spheres${peaks.length ? "; dashed: lattice" : ""}`);
}

function drawProfile() {
  const profiles = kept.panels.profiles;
  if (!profiles.length || !kept.heights) return;
  const rank = (p) => p.height.map((h) => kept.heights.rank(h));
  const [last, before] = profiles;
  points("profile", rank(last), last.phi, last.sigma, 100, "rank");
  if (before) points("before", rank(before), before.phi, before.sigma, 100, "rank");
  points("sizes", rank(last), last.diameter, last.diameter_sigma, 1, "rank");
  const band = kept.panels.band;
  show("band", band
    ? { rank: band.height.map((h) => kept.heights.rank(h)), low: band.low.map((v) => 100 * v), high: band.high.map((v) => 100 * v) }
    : { rank: [], low: [], high: [] });
  const sizes = last.diameter.filter((d) => d !== null);
  if (sizes.length && models.diameter_range) models.diameter_range.setv({ start: Math.min(...sizes) - 1.5, end: Math.max(...sizes) + 0.5 });
  label(models.profile_heights, kept.heights.near);
  note("profile", `${moment(last.time[0])}${before ? `, grey: ${moment(before.time[0])}` : ""}${band ? `; band: ${band.words}` : ""}`);
}

// Where the supply is held, the flux of the slice is another quantity: only what is held is drawn.
function drawFlux() {
  const flux = kept.panels && kept.panels.flux, supplied = kept.run.held === "supply";
  say("flux-name", supplied ? "Supply" : "Flux into the slice");
  if (models.flux_axis) models.flux_axis.axis_label = `${supplied ? "supply" : "slice flux"} (10⁻¹⁰ m/s)`;
  const wanted = Math.abs(number(kept.state.set_point_m_per_s)) || 0;
  const at = flux && !supplied ? flux.time.map((_, k) => k) : [];
  const isClear = (k) => number(flux.sigma[k]) <= VAGUE * Math.max(Math.abs(flux.value[k]), wanted);
  const alone = !kept.control.rows.length && !at.some(isClear); // nothing else scales the axes
  const told = (clear) => {
    const rows = at.filter((k) => (alone || isClear(k)) === clear);
    return ["time", "value", "sigma"].map((name) => rows.map((k) => flux[name][k]));
  };
  for (const [name, clear] of [["flux", true], ["flux_vague", false]]) {
    const [time, value, sigma] = told(clear);
    points(name, time.map(minutes), value, sigma, 1e10);
  }
  const control = kept.control, unit = "10⁻¹⁰ m/s", last = control.rows[control.rows.length - 1];
  if (!last) {
    const [mean, supply] = ["flux_slice", "flux_supply"].map((name) => withSigma(kept.state[name], "", 1e10));
    return note("flux", `mean ${mean}, supply ${supply} · ${unit}`);
  }
  const now = withSigma(kept.state[supplied ? "flux_supply" : "flux_slice"], "", 1e10);
  const goal = Number.parseFloat(control.wall_goal), phi = Number.parseFloat(control.wall_phi);
  const wall = Number.isFinite(goal) ? `wall ${short(100 * phi)} ± ${short(100 * control.wall_phi_sigma, 2)} of ${short(100 * goal)} %` : "";
  const aim = `${now} of ${short(1e10 * number(last[1]))} (dashed) · ${unit}`;
  note("flux", [aim, wall, control.mode, control.limited_by, control.reason].filter(Boolean).join("; "));
}

function lastPass() {
  const [last] = kept.panels.profiles;
  return last ? ` in the last pass (to ${moment(last.time[0])})` : "";
}

function drawOnset() {
  const left = kept.state.time_to_onset, found = kept.panels.numbers.onset_time;
  const seen = found && found.value !== null ? found.value : Infinity;
  const before = kept.panels.onsets.time.map((t, k) => k).filter((k) => kept.panels.onsets.time[k] < seen);
  const column = (name) => before.map((k) => minutes(kept.panels.onsets[name][k]));
  points("onset_expected", column("time"), column("value"), column("sigma"), 1);
  const ends = before.length ? [column("time")[0], column("time")[before.length - 1]] : [];
  show("now", { time: ends, value: ends });
  if (seen < Infinity) note("onset", `seen at ${withSigma(found, "min", 1 / 60)}; points: when it was expected`);
  else if (!left || left.value === null) note("onset", `φ at the anode does not rise yet${lastPass()}`);
  else if (left.sigma >= left.value) note("onset", `not told yet (${withSigma(left, "min", 1 / 60)}); dashed: now`);
  else note("onset", `in ${withSigma(left, "min", 1 / 60)}, if φ goes on as now (dashed: now)`);
}

function drawBalance() {
  const balance = kept.panels.balance;
  if (balance && balance.time.length) {
    points("balance", balance.time.map(minutes), balance.value, balance.sigma, 1);
    const ends = [minutes(balance.time[0]), minutes(balance.time[balance.time.length - 1])];
    show("sealed", { time: ends, value: [1, 1] });
  }
  const error = kept.panels.numbers.mass_balance_error;
  note("mass-balance", error && error.value !== null ? `error ${withSigma(error, "%", 100)}` : "not measured yet");
}

// Rows that are new, behind those that are here; all where the server thinned them. Whether anything changed.
function takeRows(name, found) {
  const changed = found.stride !== kept[name].stride || found.rows.length > 0;
  const before = found.first === 0 ? [] : kept[name].rows;
  kept[name] = { ...found, rows: changed ? before.concat(found.rows) : kept[name].rows };
  return changed;
}

function takeMeter(found) {
  if (takeRows("meter", found)) {
    const { rows, on_at } = kept.meter;
    const start = on_at === null ? (rows.length ? rows[0][0] : 0) : on_at;
    const voltage = rows.map((r) => number(r[1])), current = rows.map((r) => 1e9 * number(r[2]));
    show("meter", { time: rows.map((r) => minutes(r[0] - start)), voltage, current });
    scale(models.voltage_range, voltage);
    scale(models.current_range, current);
  }
  const last = kept.meter.rows.findLast((r) => r[1] !== null);
  const current = last && last[2] !== null ? `, ${fixed(1e9 * last[2])} nA; dotted: current` : "";
  const off = last && kept.state.output === false ? "output off; before: " : "";
  if (off && Math.abs(last[1]) < DOWN_V) return note("voltage", "output off, ramped down; dotted: current");
  note("voltage", last ? `${off}${fixed(last[1])} V${current}` : kept.meter.rows.length ? "the output has not been on" : "no meter.csv in this run");
}

function takeControl(found) {
  if (!takeRows("control", found)) return;
  const rows = kept.control.rows, time = rows.map((r) => minutes(r[0]));
  const flux = rows.map((r) => 1e10 * number(r[2])), sigma = rows.map((r) => 1e10 * number(r[3]));
  show("estimate", { time, value: flux });
  show("estimate_band", { time, low: flux.map((v, k) => v - sigma[k]), high: flux.map((v, k) => v + sigma[k]) });
  show("set_point", { time, value: rows.map((r) => 1e10 * number(r[1])) });
  drawFlux();
}

// What the last pass says of a frame stands in the place of what was said when it came.
function judged(line) {
  const told = kept.judged.get(line.index);
  return told ? { ...line, ...told } : line;
}

function judgeAll() {
  const { index, reduced_chi_squared, flags } = kept.panels.quality;
  kept.judged = new Map(index.map((i, k) => [i, { reduced_chi_squared: reduced_chi_squared[k], flags: flags[i] || [] }]));
  show("quality", { index: [], value: [], words: [] });
  show("flagged", { index: [], value: [], words: [] });
  kept.flagged = 0;
  drawQuality([...kept.lines.values()].map(judged));
}

function drawQuality(fresh) {
  const words = (line) => (line.flags.length ? line.flags.join("; ") : "good");
  const measured = fresh.filter((line) => number(line.reduced_chi_squared) > 0);
  const flagged = fresh.filter((line) => line.flags.length);
  const columns = (lines) => ({
    index: lines.map((l) => l.index), value: lines.map((l) => (number(l.reduced_chi_squared) > 0 ? l.reduced_chi_squared : 1)), words: lines.map(words),
  });
  if (measured.length && sources.quality) sources.quality.stream(columns(measured), MOST_POINTS);
  if (flagged.length && sources.flagged) sources.flagged.stream(columns(flagged), MOST_POINTS);
  kept.flagged += flagged.length;
  const last = flagged[flagged.length - 1];
  if (last) kept.lastFlag = `, last: frame ${last.index}, ${words(last)}`;
  note("quality", kept.flagged ? `triangles: ${kept.flagged} flagged${kept.lastFlag}` : "no frame is flagged");
}

function drawFacts(news) {
  const state = news.state, health = news.health, phase = state.phase;
  const over = ENDED.includes(phase) || phase === "results";
  say("phase", phase);
  $("phase").classList.toggle("wrong", WRONG.includes(phase));
  say("frames", String(kept.lines.size));
  say("title", kept.run.title || "electrosaxs");
  document.title = `${phase} · ${kept.lines.size} frames · electrosaxs`;
  const age = health.last_frame_age_s;
  const times = [...kept.lines.values()].slice(-40).map((l) => l.arrived).filter(Number.isFinite).sort((a, b) => a - b);
  const gaps = times.slice(1).map((t, k) => t - times[k]);
  const usual = gaps.length ? Math.max(...gaps) : OLD_S;
  const old = !over && age !== null && age > Math.max(OLD_S, OLD_SPACINGS * usual);
  say("age", age === null ? (phase === "results" ? "–" : "none yet") : `${duration(age)} ago`);
  $("age").classList.toggle("old", old);
  const output = state.output === true ? `on, ${short(number(state.voltage_V))} V` : state.output === false ? "off" : "not known";
  say("output", state.output === undefined ? "–" : output);
  $("output").classList.toggle("unsafe", state.output === null && phase === "failed");
  const wanted = state.set_point_m_per_s;
  const held = { slice: "slice", supply: "supply", wall: "brings the wall up" }[kept.run.held] || "";
  say("set-point", wanted ? `${short(1e10 * wanted)} · 10⁻¹⁰ m/s ${held}`.trim() : "none");
  say("provisional", state.analysed ? "final" : state.ended && !state.problem ? "the whole run is analysed" : kept.lines.size === 0 ? "none yet" : kept.provisional ? `${kept.provisional} frames provisional` : "map provisional");
  $("wanted").hidden = !wanted;
  $("steer").hidden = phase === "results";
  for (const id of ["abort", "pause", "resume"]) $(id).disabled = over || state.phase === "waiting";
  const unheard = state.unheard ? ` ${state.unheard} request(s) not taken yet: was acquire started with this operator token?` : "";
  say("message", [state.message, state.problem].filter(Boolean).join("; ") + unheard);
}

async function order(what, value) {
  const headers = { "Content-Type": "application/json" };
  if (!kept.operator && $("operator").value) headers.Authorization = `Bearer ${$("operator").value}`;
  const answer = await fetch(`/api/${what}`, { method: "POST", headers, body: value === undefined ? "{}" : JSON.stringify({ value }) });
  const said = await answer.json();
  $("said").classList.toggle("wrong", !answer.ok);
  if (answer.status === 401 || answer.status === 403) {
    $("operator").hidden = false;
    $("operator").focus();
    say("said", `${what}: give the operator's token (or open this page once with ?token=OPERATOR-TOKEN), then press again`);
  } else say("said", answer.ok ? `${what}: sent${said.note ? `; ${said.note}` : ""}` : `${what}: ${said.error}`);
}

for (const what of ["abort", "pause", "resume"]) $(what).addEventListener("click", () => order(what));
$("steer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!$("wanted").hidden && $("wanted").value) order("set-point", Number($("wanted").value));
});
if (location.search) history.replaceState(null, "", location.pathname);
embedAll().then(poll);
