/** Sockets that systemd opened before us and hands over (sd_listen_fds(3)). */

/** Descriptors 0 to 2 are the streams of the process. */
const FIRST = 3;

/** The descriptors of listening sockets, in the order of the unit; none where they are not meant for this process. */
export function inheritedSockets(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): readonly number[] {
  const { LISTEN_PID, LISTEN_FDS } = environment;
  if (LISTEN_PID !== String(pid) || !/^\d{1,3}$/.test(LISTEN_FDS ?? '')) return [];
  return Array.from({ length: Number(LISTEN_FDS) }, (_, i) => FIRST + i);
}
