/** Starts what the integration tests share; nothing yet. */
export function setup(): void {}
