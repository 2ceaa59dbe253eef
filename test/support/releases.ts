/** The last commit of each release, the oldest first: what an upgrade begins from. */
export const RELEASES = [
  { version: '0.1.0', commit: 'e0a04fa' },
  { version: '0.2.0', commit: '314e3dc' },
  { version: '0.3.0', commit: 'a47d7c8' },
  { version: '0.4.0', commit: '8eb246c' },
  { version: '0.5.0', commit: 'a7a9a81' },
] as const;
