import { type ChildProcess, spawn } from 'node:child_process';

/** The driver says where it listens, or it does not start. */
const START_TIMEOUT_MS = 30_000;
/** The longest that a page may take to answer. */
const SCRIPT_TIMEOUT_MS = 20_000;
const LISTENS = /started successfully on port (\d+)/;

/** What a page's function came to. */
export type Outcome =
  | { readonly kind: 'value'; readonly value: unknown }
  /** As the page tells it, with the status of a call where the error has one. */
  | { readonly kind: 'error'; readonly message: string; readonly code: number | undefined };

/**
 * A Chromium without a window, driven by its driver over WebDriver (W3C), whose few commands need no library. `await using` ends both.
 */
export class Chromium implements AsyncDisposable {
  readonly #driver: ChildProcess;
  readonly #session: string;

  private constructor(driver: ChildProcess, session: string) {
    this.#driver = driver;
    this.#session = session;
  }

  /** @param driver the program `chromedriver` */
  static async start(driver: string): Promise<Chromium> {
    const child = spawn(driver, ['--port=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const url = `http://127.0.0.1:${await portOf(child)}/session`;
      const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
      const wanted = { acceptInsecureCerts: true, timeouts: { script: SCRIPT_TIMEOUT_MS }, 'goog:chromeOptions': { args } };
      const made = (await command(url, 'POST', { capabilities: { alwaysMatch: wanted } })) as { readonly sessionId: string };
      return new Chromium(child, `${url}/${made.sessionId}`);
    } catch (error) {
      child.kill();
      throw error;
    }
  }

  /** Opens a page, and waits until it is loaded. */
  async open(url: string): Promise<void> {
    await command(`${this.#session}/url`, 'POST', { url });
  }

  /** Calls a function that the page keeps in `mesh`, and waits for what it comes to. */
  async call(name: string, ...args: readonly unknown[]): Promise<Outcome> {
    const script = 'const done = arguments[2]; mesh.run(arguments[0], arguments[1]).then(done);';
    return (await command(`${this.#session}/execute/async`, 'POST', { script, args: [name, args] })) as Outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await command(this.#session, 'DELETE').catch(() => undefined);
    if (this.#driver.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#driver.once('exit', resolve));
    this.#driver.kill();
    await ended;
  }
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    const late = setTimeout(() => reject(new Error(`the driver did not start: ${said}`)), START_TIMEOUT_MS);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the driver ended with ${code}: ${said}`)));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const port = LISTENS.exec(said)?.[1];
      if (port === undefined) return;
      clearTimeout(late);
      resolve(Number(port));
    });
  });
}

async function command(url: string, method: string, body?: unknown): Promise<unknown> {
  const response = await fetch(url, body === undefined ? { method } : { method, body: JSON.stringify(body) });
  const { value } = (await response.json()) as { readonly value: unknown };
  if (!response.ok) throw new Error(`the browser refused: ${JSON.stringify(value)}`);
  return value;
}
