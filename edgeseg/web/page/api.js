// Requests to the board. Every error is a Refusal whose message is one sentence for people.

let csrf = null;

// status 0: no answer came. word: the last part of the problem's type. setting: the one that was refused, if it is of one.
export class Refusal extends Error {
  constructor(status, problem) {
    const [first] = problem.errors ?? [];
    super(first && problem.errors.length === 1 ? `${first.what}.` : problem.detail || problem.title || `The board answered ${status}.`);
    this.status = status;
    this.word = (problem.type || "").split(":").pop();
    this.setting = problem.setting ?? first?.where ?? null;
    this.retryAfter = problem.retryAfter || null;
  }
}

export const AWAY = "The board does not answer.";

// ask("settings", {method: "PATCH", json: {...}}): the answer's JSON, null if it has none. Throws Refusal.
export async function ask(path, { method = "GET", json, body, headers = {}, signal } = {}) {
  const all = { ...headers };
  if (json !== undefined) all["Content-Type"] = "application/json";
  if (method !== "GET" && csrf) all["X-CSRF-Token"] = csrf;
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, {
      method,
      headers: all,
      body: json !== undefined ? JSON.stringify(json) : body,
      signal,
      cache: "no-store",
    });
  } catch (error) {
    throw new Refusal(0, { detail: AWAY });
  }
  if (!response.ok) throw await refusalOf(response);
  if (response.status === 204) return null;
  const answer = await response.json();
  if (path === "session") csrf = answer.csrf;
  return answer;
}

export async function refusalOf(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    problem = { detail: `The board answered ${response.status}, and not why.` };
  }
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  const refusal = new Refusal(response.status, { ...problem, retryAfter });
  if (refusal.status === 401) dispatchEvent(new CustomEvent("signed-out", { detail: refusal.message }));
  return refusal;
}
