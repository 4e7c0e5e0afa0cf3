// How much of a file has arrived, and how long the rest takes. Gradio 6.31 is told, and shows nothing of it:
// its answers are listened to here.

const SHOWN_FROM_BYTES = 1e6;
const uploads = new Map();

const plainFetch = window.fetch;
window.fetch = async function (input, init) {
  const url = new URL(input instanceof Request ? input.url : String(input), document.baseURI);
  const id = url.searchParams.get("upload_id");
  if (id && url.pathname.endsWith("/upload") && init && init.body instanceof FormData) {
    uploads.set(id, { size: sizeOf(init.body), arrived: 0, began: performance.now() });
    try {
      return await plainFetch.call(this, input, init);
    } finally {
      uploads.delete(id);
      showUpload(null);
    }
  }
  const answer = await plainFetch.call(this, input, init);
  if (id && url.pathname.endsWith("/upload_progress") && answer.ok) listenTo(id, answer.clone());
  return answer;
};

function sizeOf(form) {
  return [...form.values()].reduce((sum, value) => sum + (value instanceof File ? value.size : 0), 0);
}

async function listenTo(id, answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (let part = await reader.read(); !part.done && uploads.has(id); part = await reader.read()) {
      const lines = (rest + part.value).split("\n");
      rest = lines.pop();
      const upload = uploads.get(id);
      for (const line of lines) if (line.startsWith("data: ")) upload.arrived += JSON.parse(line.slice(6)).chunk_size || 0;
      showUpload(upload);
    }
  } catch (error) {
    if (error.name !== "AbortError") throw error; // Gradio hangs up when the upload is done
  }
}

function showUpload(upload) {
  const place = document.getElementById("kk-upload");
  if (!place) return;
  const there = place.querySelector(".kk-upload");
  if (!upload || upload.size < SHOWN_FROM_BYTES) return there && there.remove();
  const fraction = Math.min(1, upload.arrived / upload.size);
  const took = performance.now() - upload.began;
  const told = [percent(fraction)];
  if (fraction > 0.02 && took > 2000) told.push(t("left", { time: clock((took * (1 - fraction)) / fraction) }));
  const shown = there || h("div", { class: "kk-upload", role: "progressbar" });
  shown.style.setProperty("--fraction", fraction);
  shown.setAttribute("aria-valuenow", Math.round(100 * fraction));
  shown.setAttribute("aria-label", (shown.textContent = told.join(" · ")));
  if (!there) place.append(shown);
}
