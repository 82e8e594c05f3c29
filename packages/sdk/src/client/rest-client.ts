import { type DurationMs, MeshError } from '@modelmesh/core';
import type { ClientTls } from '@modelmesh/grpc/stream';
import { HEADER } from '@modelmesh/wire/headers';
import type { DiffsView } from './diff-view.ts';
import { HttpTransport } from './http-transport.ts';
import type { InferenceServiceView } from './inference-service-view.ts';
import type {
  AppliedView,
  CopyView,
  DecisionsView,
  EndpointView,
  EventView,
  ExplanationView,
  InstanceView,
  ModelView,
  PageView,
  PreviewedCallView,
  PreviewView,
  RevisionView,
  StatusView,
} from './management-api.ts';
import { parseServer } from './server-address.ts';
import { serverSentEvents } from './server-sent-events.ts';

/** Items that a listing asks for at a time. */
const PAGE_ITEMS = 500;
const JSON_TYPE = { 'content-type': 'application/json' };

/** What a call may be given. */
export interface RestOptions {
  readonly signal?: AbortSignal | undefined;
}

/** How an endpoint is edited. */
export interface EditOptions {
  /** Says what would change, and changes nothing. */
  readonly dryRun?: boolean | undefined;
  /** How long to wait until all nodes run the policy, 0: not at all; 10 s unless given. */
  readonly waitMs?: DurationMs | undefined;
  /** Revision of the policy that the edit was made from; 0: there is none. Another one in force is not overwritten. */
  readonly revision?: number | undefined;
}

function editQuery(options: EditOptions & { readonly to?: number | undefined }): string {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return given.length === 0 ? '' : `?${given.map(([name, value]) => `${name}=${value}`).join('&')}`;
}

/** How to ask a model. */
export interface RestInferOptions extends RestOptions {
  /** A version of the family that the model's name stands for. */
  readonly version?: string | undefined;
  /** How long the call may take, a load included. */
  readonly timeoutMs?: DurationMs | undefined;
}

/** Which events to hear of. */
export interface EventOptions extends RestOptions {
  /** The last event that is known; what is kept after it comes first. */
  readonly after?: number;
  /** Whether to wait for what is still to happen; true unless given. */
  readonly follow?: boolean;
}

/** One segment of a path: slashes and everything else that means something are encoded. */
const segment = (text: string): string => encodeURIComponent(text).replace(/^\.{1,2}$/, (dots) => dots.replaceAll('.', '%2E'));

/**
 * The management API `/api/v1` and inference by the Open Inference Protocol over REST.
 *
 * Every call fails with a `MeshError`: what the node says, or `unavailable` where it cannot be reached.
 */
export class RestClient {
  readonly #http: HttpTransport;

  constructor(server: string, tls: ClientTls = {}) {
    this.#http = new HttpTransport(parseServer(server), tls);
  }

  /** The server, as a URL. */
  get url(): string {
    return this.#http.url;
  }

  /** The node that answers. */
  status(options?: RestOptions): Promise<StatusView> {
    return this.#json('GET', '/api/v1/status', options);
  }

  /** Applies one manifest, given as the plain object that YAML or JSON parse to. */
  apply(manifest: unknown, { signal, ...edit }: RestOptions & EditOptions = {}): Promise<AppliedView> {
    return this.#json('POST', `/api/v1/apply${editQuery(edit)}`, { signal, body: JSON.stringify(manifest) });
  }

  /** All models in the order of their keys, read page by page as they are asked for. */
  models(options?: RestOptions): AsyncGenerator<ModelView> {
    return this.#pages<ModelView>('/api/v1/models', options);
  }

  model(key: string, options?: RestOptions): Promise<ModelView> {
    return this.#json('GET', `/api/v1/models/${segment(key)}`, options);
  }

  async copies(key: string, options?: RestOptions): Promise<readonly CopyView[]> {
    const path = `/api/v1/models/${segment(key)}/copies`;
    return (await this.#json<{ readonly items: readonly CopyView[] }>('GET', path, options)).items;
  }

  /** Loads a model. With `wait` the answer comes when it is loaded; a failed load is then an error. */
  load(key: string, { wait = true, ...options }: RestOptions & { readonly wait?: boolean } = {}): Promise<ModelView> {
    return this.#json('POST', `/api/v1/models/${segment(key)}:load?wait=${wait}`, options);
  }

  /** Drops the copies of a model and keeps its registration. */
  unload(key: string, options?: RestOptions): Promise<ModelView> {
    return this.#json('POST', `/api/v1/models/${segment(key)}:unload`, options);
  }

  /** Removes a model, by its key or the name in its manifest. */
  deleteModel(key: string, options?: RestOptions): Promise<void> {
    return this.#delete(`/api/v1/models/${segment(key)}`, options);
  }

  /** All endpoints in the order of their names. */
  endpoints(options?: RestOptions): AsyncGenerator<EndpointView> {
    return this.#pages<EndpointView>('/api/v1/endpoints', options);
  }

  endpoint(name: string, options?: RestOptions): Promise<EndpointView> {
    return this.#json('GET', `/api/v1/endpoints/${segment(name)}`, options);
  }

  /** The policies of an endpoint that are kept, newest first. */
  async revisions(name: string, options?: RestOptions): Promise<readonly RevisionView[]> {
    const path = `/api/v1/endpoints/${segment(name)}/revisions`;
    return (await this.#json<{ readonly items: readonly RevisionView[] }>('GET', path, options)).items;
  }

  /** Where a call would go, and why. Nothing is sent, loaded or counted. */
  preview(name: string, call: PreviewedCallView, options: RestOptions = {}): Promise<PreviewView> {
    return this.#json('POST', `/api/v1/endpoints/${segment(name)}/route`, { ...options, body: JSON.stringify(call) });
  }

  /** Puts an earlier policy of an endpoint in force again; `to`: its revision, the one before the present one unless given. */
  undo(
    name: string,
    { signal, ...edit }: RestOptions & EditOptions & { readonly to?: number | undefined } = {},
  ): Promise<AppliedView> {
    return this.#json('POST', `/api/v1/endpoints/${segment(name)}/undo${editQuery(edit)}`, { signal });
  }

  /** Removes an endpoint that a manifest made, or with `owner` a vmodel of that owner. */
  deleteEndpoint(name: string, { owner, ...options }: RestOptions & { readonly owner?: string } = {}): Promise<void> {
    const query = owner === undefined ? '' : `?owner=${encodeURIComponent(owner)}`;
    return this.#delete(`/api/v1/endpoints/${segment(name)}${query}`, options);
  }

  /** How an InferenceService stands, in KServe's words. */
  inferenceService(name: string, options?: RestOptions): Promise<InferenceServiceView> {
    return this.#json('GET', `/api/v1/inference-services/${segment(name)}`, options);
  }

  /** Removes what an InferenceService made. */
  deleteInferenceService(name: string, options?: RestOptions): Promise<void> {
    return this.#delete(`/api/v1/inference-services/${segment(name)}`, options);
  }

  /** The nodes of the mesh, the one that answers first. */
  async instances(options?: RestOptions): Promise<readonly InstanceView[]> {
    return (await this.#json<{ readonly items: readonly InstanceView[] }>('GET', '/api/v1/instances', options)).items;
  }

  /** How the answers of an endpoint's shadows compare. */
  diff(endpoint: string, options?: RestOptions): Promise<DiffsView> {
    return this.#json('GET', `/api/v1/endpoints/${segment(endpoint)}/diff`, options);
  }

  /** What was decided about a model. */
  explain(key: string, options?: RestOptions): Promise<ExplanationView> {
    return this.#json('GET', `/api/v1/explain/models/${segment(key)}`, options);
  }

  /** The last evictions, or those that `key` fell to or that were made for it. */
  explainEvictions(key: string | null, options?: RestOptions): Promise<DecisionsView> {
    return this.#decisions(key === null ? 'evictions' : `evictions/${segment(key)}`, options);
  }

  /** What became of a call that failed or was repeated. */
  explainRequest(id: string, options?: RestOptions): Promise<DecisionsView> {
    return this.#decisions(`requests/${segment(id)}`, options);
  }

  /** What the nodes decided about an instance. */
  explainInstance(id: string, options?: RestOptions): Promise<DecisionsView> {
    return this.#decisions(`instances/${segment(id)}`, options);
  }

  /**
   * What happens on the node that answers, as it happens. Leaving the loop early stops listening.
   *
   * @throws {MeshError} `overloaded` when the node dropped this listener because it was too slow
   */
  async *events({ after, follow = true, signal }: EventOptions = {}): AsyncGenerator<EventView> {
    const headers = after === undefined ? {} : { 'last-event-id': String(after) };
    const response = await this.#http.open({ method: 'GET', path: `/api/v1/events?follow=${follow}`, headers, signal });
    try {
      for await (const { name, data } of serverSentEvents(response)) {
        if (name === 'message') yield JSON.parse(data) as EventView;
        else if (name === 'dropped') throw new MeshError('overloaded', JSON.parse(data).message);
        else if (name === 'closing') return;
      }
    } catch (error) {
      if (error instanceof MeshError) throw error;
      throw new MeshError(signal?.aborted === true ? 'cancelled' : 'unavailable', 'the stream of events ended', { cause: error });
    } finally {
      response.destroy();
    }
  }

  /** Whether the node answers and is ready. @throws {MeshError} `unavailable` if it does not answer or is not ready */
  async ready(options: RestOptions = {}): Promise<void> {
    await this.#http.call({ method: 'GET', path: '/v2/health/ready', ...options });
  }

  /** Sends a V2 infer request as its JSON stands and gives the answer's, so that no number loses digits. `model`: any OIP name. */
  async inferJson(
    model: string,
    body: string | Uint8Array,
    { version, timeoutMs, ...options }: RestInferOptions = {},
  ): Promise<string> {
    const versions = version === undefined || version === '' ? '' : `/versions/${segment(version)}`;
    const path = `/v2/models/${segment(model)}${versions}/infer`;
    const headers = timeoutMs === undefined ? JSON_TYPE : { ...JSON_TYPE, [HEADER.timeoutMs]: String(Math.ceil(timeoutMs)) };
    return (await this.#http.call({ method: 'POST', path, headers, body, ...options })).body.toString();
  }

  /** Ends kept connections. */
  close(): void {
    this.#http.close();
  }

  async *#pages<Item>(path: string, options: RestOptions | undefined): AsyncGenerator<Item> {
    for (let after: string | null = ''; after !== null; ) {
      const query: string = `?limit=${PAGE_ITEMS}${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`;
      const page: PageView<Item> = await this.#json('GET', path + query, options);
      yield* page.items;
      after = page.next;
    }
  }

  #decisions(about: string, options?: RestOptions): Promise<DecisionsView> {
    return this.#json('GET', `/api/v1/explain/${about}`, options);
  }

  async #delete(path: string, options: RestOptions = {}): Promise<void> {
    await this.#http.call({ method: 'DELETE', path, ...options });
  }

  /** The API and this client are of one version: the shape is what its description says. */
  async #json<Answer>(method: string, path: string, options: RestOptions & { readonly body?: string } = {}): Promise<Answer> {
    const headers = options.body === undefined ? {} : JSON_TYPE;
    const { body } = await this.#http.call({ method, path, headers, ...options });
    try {
      return JSON.parse(body.toString()) as Answer;
    } catch (error) {
      throw new MeshError('internal', `${this.url} does not speak the management API: its answer is no JSON`, { cause: error });
    }
  }
}
