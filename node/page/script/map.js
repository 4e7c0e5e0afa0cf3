// The whole video as one strip: how loud it is, what was taken, what nearly was and why not.

function filmMap(film, clips, chosen, actions) {
  const at = (ms) => `${(100 * ms) / film.duration_ms}%`;
  const strip = h("div", { class: "kk-map-strip", role: "group", "aria-label": t("map") }, wave(film.loudness));
  const rows = laidOut(film.rejected.slice(0, 40));
  for (const { item, row } of rows) {
    strip.append(h("button", {
      class: "kk-span kk-rejected",
      "data-key": `no-${item.first}-${item.last}`,
      style: { left: at(item.start_ms), width: at(item.end_ms - item.start_ms), top: `${58 + row * 11}px` },
      "aria-label": `${t("map_rejected", { title: item.title })}, ${clock(item.start_ms)}–${clock(item.end_ms)}`,
      title: item.title,
      onclick: () => actions.explain(item),
    }));
  }
  for (const clip of clips) {
    strip.append(h("button", {
      class: `kk-span kk-chosen ${clip.index === chosen ? "kk-on" : ""}`,
      "data-key": `yes-${clip.index}`,
      style: { left: at(clip.start_ms), width: at(clip.end_ms - clip.start_ms) },
      "aria-label": t("map_chosen", { n: clip.index, title: clip.title }),
      title: clip.title,
      onclick: () => actions.choose(clip.index),
    }, h("span", {}, clip.index)));
  }
  const rowsHigh = Math.max(0, ...rows.map((r) => r.row + 1));
  strip.style.height = `${62 + rowsHigh * 11}px`;
  return h("section", { class: "kk-panel kk-map" },
    h("div", { class: "kk-row kk-between" }, h("h2", {}, t("map")), h("span", { class: "kk-quiet" }, clock(film.duration_ms))),
    strip,
    h("div", { class: "kk-row kk-between kk-quiet kk-ticks", "aria-hidden": "true" },
      [0, 0.25, 0.5, 0.75, 1].map((part) => h("span", {}, clock(film.duration_ms * part)))),
    h("p", { class: "kk-quiet" }, t("map_hint")));
}

function wave(levels) {
  const svg = h("svg", { viewBox: `0 0 ${levels.length} 100`, preserveAspectRatio: "none", class: "kk-wave", "aria-hidden": "true" });
  const top = levels.map((level, x) => `${x},${50 - level / 2}`);
  const bottom = levels.map((level, x) => `${x},${50 + level / 2}`).reverse();
  svg.append(h("path", { d: `M${[...top, ...bottom].join("L")}Z` }));
  return svg;
}

// Overlapping passages go into rows, the best scores first; three rows are enough to choose from.
function laidOut(items) {
  const rows = [];
  const out = [];
  for (const item of [...items].sort((a, b) => b.score - a.score)) {
    let row = rows.findIndex((taken) => taken.every((o) => item.end_ms <= o.start_ms || o.end_ms <= item.start_ms));
    if (row < 0) {
      if (rows.length === 3) continue;
      row = rows.push([]) - 1;
    }
    rows[row].push(item);
    out.push({ item, row });
  }
  return out;
}

function ledger(rejected, actions) {
  if (!rejected.length) return h("p", { class: "kk-empty" }, t("not_taken_none"));
  return h("ul", { class: "kk-ledger", "data-scroll": "ledger" }, rejected.map((item) =>
    h("li", { "data-passage": `${item.first}-${item.last}` },
      h("div", {},
        h("strong", { dir: "auto" }, item.title),
        h("span", { class: "kk-quiet" }, `${clock(item.start_ms)}–${clock(item.end_ms)} · ${t("score_n", { n: item.score })}`),
        h("p", {}, item.why)),
      h("button", { class: "kk-button", "data-key": `make-${item.first}-${item.last}`, onclick: () => actions.make(item) },
        icon("add"), t("make_clip")))));
}
