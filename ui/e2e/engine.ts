/**
 * A real Docker engine of one's own for a test, from the scripts and the image of the Rust tests. It and
 * all that it has started live in a namespace of processes: ending one process ends everything.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const scripts = resolve(import.meta.dirname, '../../testkit/src/engine')
const PATIENCE_MS = 60_000

export class Engine {
  readonly #folder: string
  readonly #process: ChildProcess

  private constructor(folder: string, process: ChildProcess) {
    this.#folder = folder
    this.#process = process
  }

  /** An engine with the image in it, or why there can be none here. */
  static async start(): Promise<Engine | string> {
    if (process.getuid?.() !== 0) return 'a container engine needs root'
    for (const program of ['dockerd', 'busybox']) {
      try {
        execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
      } catch {
        return `${program} is not installed; make test installs it`
      }
    }
    const folder = mkdtempSync(join(tmpdir(), 'chatops-e2e-engine-'))
    const log = join(folder, 'log')
    const run = spawn('sh', [join(scripts, 'run.sh'), folder], {
      stdio: ['ignore', 'ignore', openSync(log, 'w')],
    })
    const engine = new Engine(folder, run)
    const end = Date.now() + PATIENCE_MS
    while ((await engine.ask('GET', '/_ping').catch(() => null)) === null) {
      if (run.exitCode !== null || Date.now() > end) {
        const last = readFileSync(log, 'utf8').trim().split('\n').at(-1)
        await engine.stop()
        return `dockerd does not start: ${last}`
      }
      // It says nothing when it is ready; asking again is all there is.
      await new Promise((done) => setTimeout(done, 100))
    }
    execFileSync('sh', [join(scripts, 'image.sh'), folder])
    const image = readFileSync(join(folder, 'image.tar'))
    await engine.ask('POST', '/images/create?fromSrc=-&repo=chatops-test&tag=1', image)
    return engine
  }

  get socket(): string {
    return join(this.#folder, 'engine.sock')
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const over = once(this.#process, 'exit')
      this.#process.kill('SIGKILL')
      await over
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** Makes a container. */
  async create(
    name: string,
    command: string[],
    labels: Record<string, string> = {},
  ): Promise<void> {
    const body = JSON.stringify({
      Image: 'chatops-test:1',
      Cmd: command,
      HostConfig: { NetworkMode: 'none' },
      Labels: labels,
    })
    await this.ask('POST', `/containers/create?name=${name}`, body)
  }

  /** The answer's text; a refusal is an error. */
  ask(method: string, path: string, body?: string | Buffer): Promise<string> {
    const headers = {
      'content-type': typeof body === 'string' ? 'application/json' : 'application/x-tar',
      'content-length': body ? Buffer.byteLength(body) : 0,
    }
    return new Promise((done, failed) => {
      const sent = request({ socketPath: this.socket, method, path, headers }, (answer) => {
        let text = ''
        answer.on('data', (chunk) => {
          text += chunk
        })
        answer.on('error', failed)
        answer.on('end', () => {
          if ((answer.statusCode ?? 500) < 400) done(text)
          else failed(new Error(`${method} ${path}: ${answer.statusCode} ${text}`))
        })
      })
      sent.on('error', failed)
      sent.end(body)
    })
  }
}
