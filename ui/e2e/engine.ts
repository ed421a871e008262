/** A real Docker engine of one's own for a test, with the image of the Rust tests in it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const scripts = resolve(import.meta.dirname, '../../testkit/src/engine')

/** Why there can be none here; null: it can be tried. */
export function noEngine(): string | null {
  if (process.getuid?.() !== 0) return 'a container engine needs root'
  try {
    execFileSync('sh', ['-c', 'command -v dockerd && command -v busybox'], { stdio: 'ignore' })
    return null
  } catch {
    return 'dockerd or busybox is not installed (make test installs them)'
  }
}

export class Engine {
  readonly #folder: string
  readonly #process: ChildProcess

  private constructor(folder: string, process: ChildProcess) {
    this.#folder = folder
    this.#process = process
  }

  static async start(): Promise<Engine> {
    const folder = mkdtempSync(join(tmpdir(), 'chatops-e2e-engine-'))
    const process = spawn('sh', [join(scripts, 'run.sh'), folder], { stdio: 'ignore' })
    const engine = new Engine(folder, process)
    const end = Date.now() + 30_000
    for (;;) {
      const up = await engine.ask('GET', '/_ping').catch(() => null)
      if (up !== null) break
      if (Date.now() > end) throw new Error('the engine did not start')
      // It says nothing when it is ready; asking again is all there is.
      await new Promise((done) => setTimeout(done, 50))
    }
    execFileSync('sh', [join(scripts, 'image.sh'), folder])
    const image = readFileSync(join(folder, 'image.tar'))
    await engine.ask('POST', '/images/create?fromSrc=-&repo=chatops-test&tag=1', image)
    return engine
  }

  get socket(): string {
    return join(this.#folder, 'engine.sock')
  }

  stop(): void {
    this.#process.kill('SIGKILL')
    this.#process.once('exit', () => rmSync(this.#folder, { recursive: true, force: true }))
  }

  /** Makes and starts a container that runs this line in a shell. */
  async run(name: string, line: string, labels: Record<string, string> = {}): Promise<void> {
    const body = JSON.stringify({
      Image: 'chatops-test:1',
      Cmd: ['/bin/sh', '-c', line],
      HostConfig: { NetworkMode: 'none' },
      Labels: labels,
    })
    await this.ask('POST', `/containers/create?name=${name}`, body)
    await this.ask('POST', `/containers/${name}/start`)
  }

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
