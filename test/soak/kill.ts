import { StoryServers } from '../faults/kill/run-stories.js';
import { STORY_NAMES, type StorySize } from '../faults/kill/stories.js';

/** Every story of a halt in full, a line for each. @returns whether nothing was broken in any of them */
export async function soakKill(size: StorySize): Promise<boolean> {
  const servers = await StoryServers.open();
  let isSound = true;
  try {
    for (const story of STORY_NAMES) {
      const { facts, ...outcome } = await servers.run(story, size);
      isSound &&= outcome.broken.length === 0;
      process.stdout.write(`${JSON.stringify({ story, ...size, ...outcome, ...facts })}\n`);
    }
    return isSound;
  } finally {
    await servers.close();
  }
}
