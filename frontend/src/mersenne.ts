// The engine's random stream, MT19937 (Matsumoto and Nishimura 1998), as gradviz/core/random.py has it, and the shuffle that
// gradviz/core/draws.py makes of it: after the same seed `permutation(n)` is `torch.randperm(n)`.
const N = 624, M = 397;

export class Mersenne {
  #state = new Uint32Array(N);
  #at = N;

  constructor(seed: number) {
    const s = this.#state;
    s[0] = seed >>> 0;
    for (let i = 1; i < N; i++) s[i] = Math.imul(1812433253, s[i - 1] ^ (s[i - 1] >>> 30)) + i;
  }

  /** The next 32 random bits. */
  word(): number {
    if (this.#at === N) this.#turn();
    let y = this.#state[this.#at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #turn(): void {
    const s = this.#state;
    for (let i = 0; i < N; i++) {
      const y = (s[i] & 0x80000000) | (s[(i + 1) % N] & 0x7fffffff);
      s[i] = s[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#at = 0;
  }

  /** 0 ... n-1 in random order (Fisher and Yates: each place swaps with one at or after it). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = 0; i < n - 1; i++) {
      const j = i + (this.word() % (n - i));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}
