// The way to the session: one call at a time per question, patient when the connection is lost.

const link = { server: null, lost: false, listeners: [] };

class Refused extends Error {
  constructor(code, message, url) {
    super(message);
    this.code = code;
    this.url = url;
  }
}

// Asks the session to do `name`; gives its value. Throws Refused with the session's own sentence.
async function ask(name, args) {
  let answer;
  try {
    answer = await link.server.call({ name, args: args || {} });
  } catch (error) {
    setLost(true);
    throw new Refused("offline", t("offline"));
  }
  if (!answer || typeof answer !== "object" || !("ok" in answer)) {
    setLost(true);
    throw new Refused("offline", t("offline"));
  }
  setLost(false);
  if (!answer.ok) throw new Refused(answer.code, answer.message, answer.url);
  return answer.value;
}

function setLost(lost) {
  if (lost === link.lost) return;
  link.lost = lost;
  link.listeners.forEach((listener) => listener(lost));
}

// A file's address below this page, whatever prefix it is shown under.
function address(relative) {
  return relative ? new URL(relative, new URL("./", document.baseURI)).href : "";
}
