import type { HttpExchange } from './exchange/index.ts';

/** REST inference of one worker: OIP V2, V1, generate, and their health and repository calls. */
export interface RestHandler {
  /** Whether a path (as it stands in the request; a query is ignored) belongs to REST inference. */
  handles(path: string): boolean;
  /** Answers one exchange. */
  handle(exchange: HttpExchange): void;
}
