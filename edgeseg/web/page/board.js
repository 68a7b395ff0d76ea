// What is known of the board, and who wants to hear when it changes.

export const board = {
  state: null, // as GET /api/v1/state
  settings: null,
  revision: null,
  choices: null,
  ladder: null,
  backgrounds: [],
  history: {}, // columns, as GET /api/v1/history
  facts: [], // the oldest first
  reached: false, // the board answers, and we are signed in: pictures may be asked for
  connected: false, // and it tells us its state
};

const listeners = new Map();

// on("state", f): f(board) whenever it changes; now too, if it is known already.
export function on(name, listener) {
  if (!listeners.has(name)) listeners.set(name, []);
  listeners.get(name).push(listener);
}

export function tell(name) {
  for (const listener of listeners.get(name) || []) {
    try {
      listener(board);
    } catch (error) {
      console.error(error); // one part of the page that fails takes no other with it
    }
  }
}

export const KEPT_S = 600;
const COLUMNS = ["fps", "temp_c", "power_w", "memory_mb", "latency_ms"]; // of the history, called so in the state too

// Take a state: it is also the newest second of the history.
export function takeState(state) {
  board.state = state;
  const past = board.history;
  past.at ||= [];
  if (!past.at.length || state.at - past.at.at(-1) > 0.5) {
    past.at.push(state.at);
    for (const column of COLUMNS) (past[column] ||= []).push(state[column] ?? null);
    while (state.at - past.at[0] > KEPT_S) for (const column of ["at", ...COLUMNS]) past[column].shift();
  }
  tell("state");
}
