/** What each mode means for whoever looks at the screen, and what to do about it. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  normal: 'entries, exits and stops are sent',
  observation: 'signals are recorded, entries are not sent; exits and stops are',
  reduceOnly: 'no entries; exits and stops are sent',
  paused: 'no entries, exits only by hand, stops stay; `npx keelson resume` asks to go on',
  killed: 'a halt latch stands: nothing is sent until two people re-arm it; `npx keelson halts` tells how far it is',
};

export const explainMode = (mode: string): string => EXPLANATIONS[mode] ?? 'entries are refused until the mode is known';
