/** So much of a core is used to see how long one waits for it. */
const CPU_MS = 150;

/**
 * How many times as long as by itself a computation takes now, because others want the cores: 1 on a machine that does nothing else. Blocks this
 * thread while it looks.
 */
export function contention(): number {
  const before = process.cpuUsage();
  const beganMs = performance.now();
  let usedMs = 0;
  while (usedMs < CPU_MS) {
    const { user, system } = process.cpuUsage(before);
    usedMs = (user + system) / 1000;
  }
  return Math.max(1, (performance.now() - beganMs) / usedMs);
}
