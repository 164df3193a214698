// What processes cost, as the kernel counts it.

import { readFileSync, readdirSync } from "node:fs";

/** Milliseconds in a tick of the kernel's clock. */
const TICK = 10;

const stat = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
  const [parent, user, system, endedUser, endedSystem] = [1, 11, 12, 13, 14].map((at) => Number(fields[at]));
  return { parent, own: (user + system) * TICK, ended: (endedUser + endedSystem) * TICK };
};

/** CPU of a process, in milliseconds. */
export const cpuOf = (pid) => stat(pid).own;

/** CPU of a process and of all that it started, in milliseconds; those that ended are counted too. */
export function cpuOfFamily(pid) {
  const { own, ended } = stat(pid);
  let total = own + ended;
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const child = stat(entry);
      if (child.parent === pid) total += child.own;
    } catch {
      // It ended meanwhile: its parent has what it took.
    }
  }
  return total;
}

/** Resident memory of a process, in MiB; `VmRSS` now, or `VmHWM` at its peak. */
export function memoryOf(pid, field = "VmRSS") {
  const line = readFileSync(`/proc/${pid}/status`, "utf8").match(new RegExp(`${field}:\\s+(\\d+)`));
  return Number(line[1]) / 1024;
}

/** Resident memory of a process and of all that it started, in MiB, just now. */
export function memoryOfFamily(pid) {
  let total = memoryOf(pid);
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (stat(entry).parent === pid) total += memoryOf(entry);
    } catch {
      // It ended meanwhile.
    }
  }
  return total;
}

export const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
