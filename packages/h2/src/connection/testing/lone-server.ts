import { Connection } from '../connection.ts';
import type { ConnectionEnd } from '../errors.ts';
import type { ConnectionEvents } from '../events.ts';
import type { FieldBlock } from '../field-block.ts';
import type { ConnectionLimits, LimitName } from '../limits.ts';
import type { H2Stream } from '../stream.ts';
import { FREE_BUDGET, Heard, type Served } from './pair.ts';
import { framesIn, goawayIn, hello, type RawFrame } from './raw.ts';

/** A server whose client is a test that writes octets, right or wrong. */
export class LoneServer implements ConnectionEvents {
  readonly connection: Connection;
  readonly served: Served[] = [];
  readonly limits: LimitName[] = [];
  readonly sent: RawFrame[] = [];
  end: ConnectionEnd | undefined = undefined;
  nowMs = 1000;

  /** @param greets whether the client has said its preface and SETTINGS */
  constructor(limits: Partial<ConnectionLimits> = {}, greets = true) {
    this.connection = new Connection({ side: 'server', events: this, budget: FREE_BUDGET, limits, nowMs: this.nowMs });
    if (greets) this.say(hello());
  }

  /** The client says `octets`, all at once. */
  say(...octets: readonly Uint8Array[]): void {
    this.connection.receive(new Uint8Array(Buffer.concat(octets)), this.nowMs);
    this.collect();
  }

  /** Takes what was sent. */
  collect(): void {
    this.connection.deliver();
    this.sent.push(...framesIn(this.connection.take()));
  }

  get goaway(): { lastStreamId: number; code: number; why: string } | undefined {
    return goawayIn(this.sent);
  }

  onStream(stream: H2Stream, headers: FieldBlock, end: boolean): Heard {
    const heard = new Heard();
    this.served.push({ stream, headers, end, heard });
    return heard;
  }
  onTooLong(): undefined {
    return undefined;
  }
  onReady(): void {
    // Heard by nobody.
  }
  onRoom(): void {
    // Heard by nobody.
  }
  onGoaway(): void {
    // Heard by nobody.
  }
  onPong(): void {
    // Heard by nobody.
  }
  onLimit(limit: LimitName): void {
    this.limits.push(limit);
  }
  onWork(): void {
    // The test takes when it likes.
  }
  onOver(end: ConnectionEnd): void {
    this.end = end;
  }
}
