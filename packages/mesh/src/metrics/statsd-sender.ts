import { createSocket } from 'node:dgram';
import { type Clock, durationMs, type Timer } from '@modelmesh/core';

/** Most bytes of one packet: it passes every Ethernet whole. */
export const PACKET_BYTES_MAX = 1400;
/** A packet that is not full leaves after this time. */
const FLUSH_MS = durationMs(100);
/** Packets that the system has not taken; more are dropped, since measurements must never hold a call up. */
const PACKETS_PENDING_MAX = 64;

/** Sends packets and never fails: whether somebody hears them is not our affair. */
export interface Packets {
  send(packet: string): void;
  close(): void;
}

/** Puts lines together to packets. */
export class StatsDSender {
  readonly #packets: Packets;
  readonly #clock: Clock;
  #lines: string[] = [];
  #bytes = 0;
  #timer: Timer | undefined;

  constructor(packets: Packets, clock: Clock) {
    this.#packets = packets;
    this.#clock = clock;
  }

  /** One measurement, without its end of line. One that fills no packet with others goes alone. */
  send(line: string): void {
    // A line is ASCII but for the names of methods, which were cleaned: a character is a byte.
    if (this.#bytes + line.length + 1 > PACKET_BYTES_MAX) this.flush();
    this.#lines.push(line);
    this.#bytes += line.length + 1;
    this.#timer ??= this.#clock.after(FLUSH_MS, () => this.flush());
  }

  /** Sends what there is. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#lines.length === 0) return;
    const packet = this.#lines.join('\n');
    this.#lines = [];
    this.#bytes = 0;
    this.#packets.send(packet);
  }

  close(): void {
    this.flush();
    this.#packets.close();
  }
}

/** UDP to an agent on this machine, or another one. */
export function udpPackets(host: string, port: number): Packets {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.unref();
  // Nobody listens: an agent may come later.
  socket.on('error', () => {});
  let pending = 0;
  let closing = false;
  const end = (): void => {
    if (closing && pending === 0) socket.close();
  };
  return {
    send: (packet) => {
      if (pending >= PACKETS_PENDING_MAX) return;
      pending += 1;
      socket.send(packet, port, host, () => {
        pending -= 1;
        end();
      });
    },
    close: () => {
      closing = true;
      end();
    },
  };
}
