/** The receive window and visibility bound of the paper profile in tests (protocol, Numbers). */
export const WINDOWS = { receiveWindowMs: 500, visibilityBoundMs: 300, submitDeadlineMs: 1_000 };
