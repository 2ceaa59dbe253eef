/** What an upgrade begins from. */
export interface Release {
  readonly version: string;
  /** The last commit of it. */
  readonly commit: string;
}

/** The oldest first. */
export const RELEASES: readonly Release[] = [
  { version: '0.1.0', commit: 'e0a04fa' },
  { version: '0.2.0', commit: 'fea56c7' },
  { version: '0.3.0', commit: 'a47d7c8' },
  { version: '0.4.0', commit: '8eb246c' },
  { version: '0.5.0', commit: 'a7a9a81' },
  { version: '0.6.0', commit: '132889d' },
  { version: '0.7.0', commit: '59eaede' },
  { version: '0.8.0', commit: 'cbba517' },
  { version: '0.9.0', commit: 'b8c9b541' },
  { version: '0.10.0', commit: 'a94f2f44' },
];
