const NEEDED = [20, 20, 2];

/** What is wrong with this Node, or undefined when it is new enough. */
export function nodeProblem(version = process.versions.node) {
  const have = version.split('.').map(Number);
  for (const [index, needed] of NEEDED.entries()) {
    const found = have[index] ?? 0;
    if (found > needed) return undefined;
    if (found < needed) {
      return `Keelson needs Node ${NEEDED.join('.')} or newer; this is ${version} (${process.execPath}). Install a newer one from your system or nodejs.org.`;
    }
  }
  return undefined;
}
