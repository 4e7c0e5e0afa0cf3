// The job's page: which job, which clip, which tab; asks the session and draws what changed.

const POLL_BUSY_MS = 1000;
const POLL_CALM_MS = 5000;

class App {
  constructor(root, offers) {
    this.root = root;
    this.offers = offers;
    this.job = "";
    this.chosen = 0;
    this.tab = "text";
    this.mode = "cut";
    this.closesAt = Infinity;
    this.clear();
    this.layOut();
    link.listeners.push((lost) => this.banner("offline", lost && h("p", { role: "alert" }, t(Date.now() < this.closesAt ? "offline" : "closed"))));
    window.addEventListener("popstate", () => this.open(this.jobInAddress(), false));
    document.addEventListener("keydown", (event) => shortcut(event, this));
    document.addEventListener("visibilitychange", () => document.hidden || this.poll());
    this.open(this.jobInAddress(), false);
  }

  clear() {
    Object.assign(this, { state: null, clips: [], dropped: [], film: null, text: null, around: { before: 2, after: 2 }, lastWord: null, clipsVersion: -1 });
  }

  jobInAddress() {
    return new URL(window.location.href).searchParams.get("job") || "";
  }

  // -- which job --------------------------------------------------------------------------------

  open(job, remember = true) {
    if (remember) {
      const url = new URL(window.location.href);
      if (job) url.searchParams.set("job", job); else url.searchParams.delete("job");
      window.history.pushState({}, "", url);
    }
    clearTimeout(this.timer);
    this.job = job;
    this.chosen = 0;
    this.clear();
    this.layOut();
    document.body.dataset.kk = job ? "job" : "start";
    document.title = "KangKlip";
    this.drawJobs = onChange((jobs) => keepingFocus(this.recentPart, () => this.jobs_(jobs)));
    this.poll();
    if (remember) window.scrollTo({ top: 0 });
  }

  layOut() {
    const part = (name, tag = "div") => (this[name] = h(tag, { class: `kk-${name}` }));
    this.live = liveTranscript();
    this.player = player({ at: (ms) => this.clip && lightWord(this.editorPart, this.clip, ms) });
    replace(this.root, part("banners"), part("head"), part("trouble"), part("main", "main"), part("told", "p"));
    this.told.setAttribute("role", "status");
    this.told.className = "kk-told kk-unseen";
    this.recentPart = h("section", { class: "kk-recent" });
    this.clipsPart = h("section", { class: "kk-clips" });
    this.mapPart = h("div");
    this.editorPart = h("section", { class: "kk-panel kk-editor" });
    this.ledgerPart = h("details", { class: "kk-panel kk-not-taken" });
    this.stage = h("div", { class: "kk-studio" });
    this.drawHead = onChange((s) => keepingFocus(this.head, () => this.head_(s)));
    this.drawTrouble = onChange(() => replace(this.trouble, problem(this.state, { retry: () => this.act("retry_job"), leave: () => this.open("") })));
    this.drawClips = onChange(() => keepingFocus(this.clipsPart, () => this.clips_()));
    this.drawMap = onChange(() => keepingFocus(this.mapPart, () => this.map_()));
    this.drawEditor = onChange(() => keepingFocus(this.editorPart, () => this.editor_()));
    this.shape = "";
  }

  get clip() {
    return this.clips.find((c) => c.index === this.chosen);
  }

  get busy() {
    if (!this.state) return true;
    return !["SUCCEEDED", "FAILED", "CANCELLED"].includes(this.state.status)
      || this.state.tasks.some((task) => ["QUEUED", "RUNNING"].includes(task.status));
  }

  // What Gradio and this script put together piece by piece is shown from here on.
  drawn() {
    requestAnimationFrame(() => requestAnimationFrame(() => { document.body.dataset.drawn = ""; }));
  }

  // -- asking -----------------------------------------------------------------------------------

  async poll() {
    clearTimeout(this.timer);
    const job = this.job;
    if (!job) return this.pollJobs();
    try {
      const state = await ask("job_status", { job_id: job, heard_from: this.live.shown });
      if (job !== this.job) return;
      this.state = state;
      this.live.add(state.heard);
      if (state.clips_version !== this.clipsVersion) await this.fetchClips(job);
      if (job === this.job) this.draw();
    } catch (error) {
      if (job === this.job && error.code === "unknown_job") return this.drawUnknown();
      if (!(error instanceof Refused)) throw error;
    } finally {
      this.drawn();
    }
    if (job === this.job) {
      this.timer = setTimeout(() => this.poll(), link.lost || !this.busy ? POLL_CALM_MS : document.hidden ? POLL_CALM_MS * 2 : POLL_BUSY_MS);
    }
  }

  // The start page: what ran in this session, and whether it stays open.
  async pollJobs() {
    try {
      const found = await ask("list_jobs");
      if (this.job) return;
      this.drawSession(found.session);
      if (!this.recentPart.isConnected) replace(this.main, this.recentPart);
      this.drawJobs(found.jobs);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    } finally {
      this.drawn();
    }
    if (!this.job) this.timer = setTimeout(() => this.poll(), document.hidden ? POLL_CALM_MS * 2 : POLL_CALM_MS);
  }

  async fetchClips(job) {
    const version = this.state.clips_version;
    const found = await ask("list_clips", { job_id: job });
    if (job !== this.job) return;
    Object.assign(this, { clips: found.clips, dropped: found.dropped, editable: found.editable, clipsVersion: version });
    if (!this.clip && this.clips.length) this.chosen = this.clips[0].index;
    if (this.editable) {
      if (!this.film || found.map_version !== this.mapVersion) {
        this.film = await ask("film_map", { job_id: job });
        this.mapVersion = found.map_version;
      }
      await this.fetchText();
    }
  }

  async fetchText() {
    const index = this.chosen;
    const text = index ? await ask("clip_text", { job_id: this.job, clip: index, ...this.around }) : null;
    if (index === this.chosen) this.text = text;
  }

  // Asks for something that changes the job, then draws what came of it; trouble is shown as a toast.
  async act(name, args = {}) {
    try {
      const value = await ask(name, { job_id: this.job, ...args });
      this.clipsVersion = -1;
      await this.poll();
      return value;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.toast(error);
      return null;
    }
  }

  edit(change) {
    return this.act("edit_clip", { clip: this.chosen, ...change });
  }

  toast(error) {
    const made = h("div", { class: "kk-toast", role: "alert" },
      h("span", {}, error.message),
      error.url ? h("a", { href: error.url, target: "_top", rel: "noopener", class: "kk-button kk-small" }, t("unlock")) : null,
      h("button", { class: "kk-button kk-small", "aria-label": t("close"), onclick: () => made.remove() }, icon("close")));
    document.querySelector(".kk-app").append(made);
    setTimeout(() => made.remove(), 12000);
  }

  // Told once, then only brought up to date: an alert that comes anew each time would be read out anew.
  banner(name, content) {
    const there = this.banners.querySelector(`[data-banner="${name}"]`);
    if (!content) there?.remove();
    else if (!there) this.banners.append(h("div", { class: "kk-banner", "data-banner": name }, content));
    else if (there.textContent !== content.textContent && !there.contains(document.activeElement)) {
      content.removeAttribute("role");
      replace(there, content);
    }
  }

  // -- drawing ----------------------------------------------------------------------------------

  draw() {
    const state = this.state;
    document.title = `${state.title || state.source} · KangKlip`;
    this.drawSession(state.session);
    const { heard, version, ...shown } = state;
    this.drawHead(shown);
    this.drawTrouble([state.status, state.problem]);
    const shape = this.clips.length ? (this.editable ? "edit" : "watch") : state.status === "FAILED" || state.status === "CANCELLED" ? "ended" : "wait";
    if (shape !== this.shape) {
      this.shape = shape;
      this.stage.className = `kk-studio kk-${shape}`;
      const side = shape === "watch" ? h("div", { class: "kk-side" }, this.editorPart, this.live.root) : this.editorPart;
      replace(this.stage, this.clipsPart, this.player.root, side);
      replace(this.main, {
        edit: () => [this.mapPart, this.stage, this.ledgerPart],
        watch: () => [this.stage],
        wait: () => [h("div", { class: "kk-columns" }, this.live.root, h("section", { class: "kk-panel kk-first-clip" }, h("p", { class: "kk-empty" }, t("clips_wait"))))],
        ended: () => (this.live.shown ? [this.live.root] : []),
      }[shape]());
    }
    this.drawClips([this.clips.map((c) => [c.index, c.title, c.score, c.length_ms, c.poster || c.preview, c.fresh, c.rendered]), this.chosen]);
    if (this.clip) this.player.show({ ...this.clip, task: this.taskOf(this.chosen) });
    if (this.editable && this.film) this.drawMap([this.film, this.clips.map((c) => [c.start_ms, c.end_ms, c.title]), this.chosen]);
    this.drawEditor([this.clip, this.text, this.tab, this.mode, this.dropped, this.taskOf(this.chosen), this.editable]);
  }

  taskOf(index) {
    return (this.state.tasks || []).filter((task) => task.clip === index).at(-1) || null;
  }

  head_(state) {
    const running = state.status === "QUEUED" || state.status === "RUNNING";
    replace(this.head,
      h("div", { class: "kk-row kk-between kk-wrap" },
        h("h1", { dir: "auto" }, state.title || state.source),
        h("div", { class: "kk-row" },
          running ? h("button", { class: "kk-button", "data-key": "cancel", onclick: () => this.cancel() }, t("cancel")) : null,
          h("button", { class: "kk-button", "data-key": "new", onclick: () => this.open("") }, icon("add"), t("new_job")))),
      statusLine(state),
      state.status === "SUCCEEDED" ? null : stageStrip(state),
      receipt(state),
      notes(state));
  }

  clips_() {
    replace(this.clipsPart, h("h2", { class: "kk-unseen" }, t("clips")),
      h("ul", { class: "kk-cards", "data-scroll": "cards" }, this.clips.map((clip) => h("li", {},
        h("button", {
          class: `kk-card ${clip.index === this.chosen ? "kk-on" : ""}`, "data-key": `clip-${clip.index}`,
          "aria-current": clip.index === this.chosen ? "true" : null,
          onclick: () => this.choose(clip.index),
        },
          thumbnail(clip),
          h("span", { class: "kk-card-text" },
            h("strong", { dir: "auto" }, clip.title),
            h("span", { class: "kk-quiet" }, `${clock(clip.start_ms)} · ${seconds(clip.length_ms)}`),
            h("span", { class: "kk-score", title: t("score") }, clip.score || "–")))))));
  }

  map_() {
    replace(this.mapPart, filmMap(this.film, this.clips, this.chosen, {
      choose: (index) => this.choose(index),
      explain: (item) => this.explain(item),
    }));
    replace(this.ledgerPart, h("summary", {}, h("h2", {}, `${t("not_taken")} (${this.film.rejected.length})`)),
      ledger(this.film.rejected, { make: (item) => this.make(item) }));
  }

  editor_() {
    const clip = this.clip && { ...this.clip, task: this.taskOf(this.chosen) };
    if (!clip) return replace(this.editorPart, this.droppedList());
    const tabs = this.editable ? ["text", "look", "others", "away"] : [];
    const tab = tabs.includes(this.tab) ? this.tab : "";
    replace(this.editorPart,
      h("header", { class: "kk-editor-head" },
        h("h2", { dir: "auto" }, clip.title),
        h("p", { class: "kk-why" }, h("span", { class: "kk-score" }, clip.score || "–"), clip.reason),
        parts(clip)),
      this.editable ? this.tools(clip) : null,
      tabs.length ? this.tabBar(tabs, tab) : null,
      h("div", { class: "kk-tab", role: "tabpanel", "aria-label": tab ? t(`tab_${tab}`) : null },
        tab === "text" && this.text ? textEditor(clip, this.text, this.mode, this.textActions(clip)) : null,
        tab === "look" ? lookEditor(clip, this.offers, { restyle: (option, value) => this.edit({ look: { [option]: value } }), retitle: (title) => this.edit({ title }) }) : null,
        tab === "others" ? alternatives(clip, { trim: (first, last) => this.edit({ first, last }) }) : null,
        tab === "away" ? takeAway(clip, this.state, this.awayActions()) : null),
      this.droppedList());
  }

  tools(clip) {
    const tool = (name, able, act) => h("button", {
      class: "kk-button kk-small", disabled: !able, "data-key": `tool-${name}`, onclick: act, title: t(name), "aria-label": t(name),
    }, icon({ undo: "undo", redo: "redo", drop: "bin" }[name]), h("span", {}, t(name)));
    return h("div", { class: "kk-row kk-wrap kk-tools" },
      tool("undo", clip.can_undo, () => this.edit({ undo: true })),
      tool("redo", clip.can_redo, () => this.edit({ redo: true })),
      clip.changed ? h("button", { class: "kk-link", "data-key": "reset", onclick: () => this.edit({ reset: true }) }, t("reset")) : null,
      h("span", { class: "kk-spacer" }),
      tool("drop", true, () => this.edit({ drop: true })));
  }

  tabBar(tabs, chosen) {
    return h("div", { class: "kk-tabs", role: "tablist" }, tabs.map((name) => h("button", {
      role: "tab", "aria-selected": String(name === chosen), "data-key": `tab-${name}`,
      onclick: () => { this.tab = name; this.draw(); },
    }, t(`tab_${name}`))));
  }

  droppedList() {
    if (!this.dropped.length || !this.editable) return null;
    return h("ul", { class: "kk-dropped" }, this.dropped.map((clip) => h("li", {},
      h("span", { dir: "auto" }, `${clip.title} – ${t("dropped")}`),
      h("button", { class: "kk-link", "data-key": `back-${clip.index}`, onclick: () => this.act("edit_clip", { clip: clip.index, undo: true }) }, t("undo")))));
  }

  drawSession(session) {
    this.closesAt = session.closes_in_s === null ? Infinity : Date.now() + session.closes_in_s * 1000;
    this.banner("idle", session.closes_in_s !== null && session.closes_in_s < 180 && h("p", { role: "alert" },
      t("idle_warning", { time: clock(session.closes_in_s * 1000) }), " ",
      h("button", { class: "kk-button kk-small", onclick: () => this.act("go_on") }, t("go_on"))));
    this.banner("draining", session.draining && h("p", {}, t("draining")));
  }

  drawUnknown() {
    replace(this.head);
    replace(this.main, h("div", { class: "kk-problem", role: "alert" }, h("p", {}, t("unknown_job")),
      h("button", { class: "kk-button kk-primary", onclick: () => this.open("") }, t("to_start"))));
  }

  jobs_(jobs) {
    replace(this.recentPart, h("h2", {}, t("recent")), jobs.length
      ? h("ul", { class: "kk-jobs" }, jobs.map((job) => h("li", {}, h("button", { class: "kk-job", "data-key": job.job_id, onclick: () => this.open(job.job_id) },
          h("span", { dir: "auto" }, job.title || job.source),
          h("span", { class: `kk-status kk-status-${job.status}` }, t(`status_${job.status}`), job.status === "RUNNING" ? ` ${percent(job.fraction)}` : "")))))
      : h("p", { class: "kk-empty" }, t("recent_none")));
  }

  // -- doing ------------------------------------------------------------------------------------

  async choose(index) {
    this.chosen = index;
    this.around = { before: 2, after: 2 };
    this.lastWord = null;
    this.text = null;
    this.draw();
    if (this.editable) {
      await this.fetchText();
      this.draw();
    }
  }

  step(by) {
    const at = this.clips.findIndex((c) => c.index === this.chosen) + by;
    if (this.clips[at]) this.choose(this.clips[at].index);
  }

  textActions(clip) {
    const move = (which, by) => {
      const first = clip.first + (which === "start" ? by : 0);
      const last = clip.last + (which === "end" ? by : 0);
      this.edit({ first, last });
    };
    return {
      mode: (mode) => { this.mode = mode; this.draw(); },
      move,
      edgeAt: (which, id) => this.edit(which === "start" ? { first: id, last: clip.last } : { first: clip.first, last: id }),
      more: async (where) => { this.around[where] += 5; await this.fetchText(); this.draw(); },
      cut: (sentence, word, range) => this.cut(sentence, word, range),
      reword: (sentence, word, text) => this.edit({ words: { [`${sentence}.${word.n}`]: text } }),
      play: (word) => this.player.seek(clipTime(clip, word.start_ms)),
    };
  }

  cut(sentence, word, range) {
    const here = `${sentence}.${word.n}`;
    const from = range && this.lastWord ? this.lastWord : here;
    this.lastWord = here;
    this.edit({ [word.cut ? "restore" : "cut"]: [from === here ? here : inOrder(from, here)] });
  }

  explain(item) {
    this.ledgerPart.open = true;
    const row = this.ledgerPart.querySelector(`[data-passage="${item.first}-${item.last}"]`);
    row?.scrollIntoView({ block: "center", behavior: "smooth" });
    row?.querySelector("button").focus({ preventScroll: true });
  }

  async make(item) {
    const made = await this.act("add_clip", { first: item.first, last: item.last, title: item.title });
    if (made) this.choose(made.clip);
  }

  async cancel() {
    if (window.confirm(t("cancel_sure"))) await this.act("cancel_job");
  }

  awayActions() {
    return {
      render: (clip) => this.act("render_clip", { clip: clip.index }),
      download: (event, clip, what) => this.fetchFile(event.currentTarget, "release", { clip: clip.index, what }),
      zip: (event) => this.fetchFile(event.currentTarget, "export_job", {}),
      share: async () => { const made = await this.act("share_job"); if (made) shareDialog(address(made.url)); },
    };
  }

  async fetchFile(button, name, args) {
    const before = [...button.childNodes];
    button.disabled = true;
    button.replaceChildren(t("preparing"));
    try {
      const file = await ask(name, { job_id: this.job, ...args });
      save(file.url, file.name);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.toast(error);
    }
    button.disabled = false;
    button.replaceChildren(...before);
  }
}

// The poster is a frame of the full clip; while that is locked, the preview's own first picture stands in.
function thumbnail(clip) {
  if (clip.poster) return h("img", { src: address(clip.poster), alt: "", width: 54, height: 96, loading: "lazy" });
  return h("video", { src: clip.preview ? `${address(clip.preview)}#t=1` : null, preload: "metadata", muted: true, "aria-hidden": "true", tabindex: "-1" });
}

function inOrder(a, b) {
  const value = (ref) => ref.split(".").map(Number);
  const [x, y] = [value(a), value(b)];
  return x[0] < y[0] || (x[0] === y[0] && x[1] <= y[1]) ? `${a}-${b}` : `${b}-${a}`;
}

function parts(clip) {
  if (!clip.parts.length) return null;
  return h("ul", { class: "kk-parts" }, clip.parts.map(([name, value]) => h("li", {},
    h("span", {}, name), h("meter", { min: 0, max: 100, value: value, "aria-label": name }))));
}

function shortcut(event, app) {
  if (!app.job || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
  const onButton = event.target.closest("button, a, summary, video");
  const key = event.key.toLowerCase();
  const acts = {
    " ": () => onButton ? null : app.player.toggle(), k: () => app.player.toggle(),
    j: () => app.player.nudge(-2), l: () => app.player.nudge(2),
    "[": () => app.step(-1), "]": () => app.step(1),
    z: () => app.editable && app.clip && app.edit(event.shiftKey ? { redo: true } : { undo: true }),
    r: () => app.editable && app.clip && app.awayActions().render(app.clip),
    d: () => { if (app.editable && app.clip) { app.tab = "away"; app.draw(); app.editorPart.querySelector("[data-key=download], [data-key=render]")?.click(); } },
    "?": () => shortcutsDialog(),
  };
  if (!acts[key] || (key === " " && onButton)) return;
  event.preventDefault();
  acts[key]();
}
