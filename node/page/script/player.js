// The preview of one clip. The element stays when the clip changes, so nothing jumps.

function player(actions) {
  const video = h("video", { playsinline: true, controls: true, preload: "metadata", class: "kk-video" });
  const veil = h("div", { class: "kk-veil", role: "status" });
  const root = h("div", { class: "kk-player" }, h("div", { class: "kk-frame" }, video, veil));
  let source = "";
  video.addEventListener("timeupdate", () => actions.at(video.currentTime * 1000));
  return {
    root,
    video,
    show(clip) {
      video.setAttribute("aria-label", t("video", { n: clip.index }));
      const wanted = address(clip.preview);
      if (wanted !== source) {
        const keep = source && video.dataset.clip === String(clip.index) ? video.currentTime : 0;
        const playing = !video.paused;
        source = wanted;
        video.dataset.clip = clip.index;
        if (clip.poster) video.poster = address(clip.poster); else video.removeAttribute("poster");
        video.src = wanted;
        if (keep) video.addEventListener("loadedmetadata", () => { video.currentTime = Math.min(keep, video.duration || keep); if (playing) video.play(); }, { once: true });
      }
      const task = clip.task;
      const failed = task && task.status === "FAILED" && task.problem;
      veil.hidden = clip.fresh && !failed;
      veil.textContent = failed ? t("preview_failed", { message: task.problem.message })
        : clip.fresh ? "" : t("preview_stale");
    },
    seek(ms) {
      video.currentTime = Math.max(0, ms / 1000);
      video.play();
    },
    toggle() {
      if (video.paused) video.play(); else video.pause();
    },
    nudge(s) {
      video.currentTime = Math.max(0, video.currentTime + s);
    },
  };
}
