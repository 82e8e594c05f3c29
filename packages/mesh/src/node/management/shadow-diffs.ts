import type { EndpointId } from '@modelmesh/core';
import { type MirrorDiff, mergeDiffs } from '@modelmesh/core/traffic';
import type { ControlEnd, PeerRoute } from '../../link/index.ts';
import type { Peers } from '../../peer/index.ts';
import type { MeshDiffs } from '../control.ts';
import { inTime } from '../in-time.ts';
import type { ReachedLimits } from '../reached-limits.ts';
import { askMesh, type MeshAskingParts } from './mesh-decisions.ts';
import { CHOICES_TIMEOUT_MS } from './node-decisions.ts';
import { OpenQuestions } from './open-questions.ts';

/** What the diffs of a mesh are found with. */
export interface ShadowDiffsParts extends MeshAskingParts {
  readonly peers: Peers;
  readonly link: ControlEnd;
  readonly limits: ReachedLimits;
}

/** How the answers of shadows compare: the data planes keep that, each of the calls that entered through it, until somebody asks. */
export class ShadowDiffs {
  readonly #parts: ShadowDiffsParts;
  readonly #questions: OpenQuestions<readonly MirrorDiff[]>;

  constructor(parts: ShadowDiffsParts) {
    this.#parts = parts;
    this.#questions = new OpenQuestions(parts.limits, 'how shadows compare');
  }

  /** The data plane's answer. */
  diffed(request: number, diffs: readonly MirrorDiff[]): void {
    this.#questions.answered(request, diffs);
  }

  /** Of the calls that entered here. @throws {MeshError} `overloaded` while too many ask, `deadline-exceeded` when the data plane does not answer */
  here(endpoint: EndpointId, signal: AbortSignal): Promise<readonly MirrorDiff[]> {
    const { clock, link } = this.#parts;
    const send = (request: number): void => link.send({ kind: 'diff', request, endpoint });
    return inTime({ clock, withinMs: CHOICES_TIMEOUT_MS, signal }, (limited) => this.#questions.ask(send, limited));
  }

  /** Of all calls of the mesh; a node that does not answer is named. */
  async everywhere(endpoint: EndpointId, signal: AbortSignal): Promise<MeshDiffs> {
    const { peers } = this.#parts;
    const ask = (peer: PeerRoute, limited: AbortSignal) => peers.diff(peer, endpoint, limited);
    const { answers, unanswered } = await askMesh(this.#parts, this.here(endpoint, signal), ask, signal);
    return { mirrors: mergeDiffs(answers.map(({ answer }) => answer)), unanswered };
  }
}
