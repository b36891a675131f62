// What a CUDA kernel's text needs to be compiled by g++ and run on the CPU, threads of a block waiting for one another.
//
// Where a text has barriers, each thread of a block is a fiber that runs until it ends or comes to __syncthreads(); then the
// next one runs, in an order shuffled anew each time, so that a result which depends on the order comes out wrong. Blocks
// run one after another, shuffled too; before each one shared memory is filled with NaN. A barrier that only some threads of
// a block reach is an error, as are undefined behaviour (a trap) and memory that may not be touched (a signal). Floats below
// 2^-126 are 0, as CuPy has every kernel compiled (-ftz=true); here those of 64 bits are too.
#pragma once
#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <csignal>
#include <cstring>
#include <functional>
#include <random>
#include <ucontext.h>
#include <vector>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

struct dim3 { unsigned x, y, z; };

extern "C" char __start_cuda_shared[] __attribute__((weak, visibility("hidden")));
extern "C" char __stop_cuda_shared[] __attribute__((weak, visibility("hidden")));

namespace cuda_on_cpu {

enum Result { FINE = 0, DIVERGED = 1 };  // or the number of the signal
enum State { READY, WAITING, ENDED };
const size_t STACK = 64 * 1024;

struct Fiber {
    ucontext_t context;
    dim3 index;
    State state;
    std::vector<char> stack;
};

static dim3 block_index, block_size, grid_size;
static ucontext_t scheduler;
static std::vector<Fiber> fibers;
static Fiber* running;
static std::function<void()> body;
static sigjmp_buf caught;

static dim3 unflatten(unsigned i, dim3 size) {
    return {i % size.x, i / size.x % size.y, i / size.x / size.y};
}

static void run_body() {
    body();
    running->state = ENDED;
    swapcontext(&running->context, &scheduler);
}

static void wait_for_others() {
    running->state = WAITING;
    swapcontext(&running->context, &scheduler);
}

static void on_signal(int number) { siglongjmp(caught, number); }

// Threads that never wait: one after another, without the cost of fibers.
static Result run_apart(std::vector<unsigned>& order, std::mt19937& random) {
    std::shuffle(order.begin(), order.end(), random);
    for (unsigned i : order) {
        running = &fibers[i];
        running->index = unflatten(i, block_size);
        body();
    }
    return FINE;
}

static Result run_together(std::vector<unsigned>& order, std::mt19937& random) {
    if (__start_cuda_shared) memset(__start_cuda_shared, 0xFF, __stop_cuda_shared - __start_cuda_shared);
    for (unsigned i = 0; i < fibers.size(); ++i) {
        Fiber& f = fibers[i];
        f.index = unflatten(i, block_size);
        f.state = READY;
        f.stack.resize(STACK);
        getcontext(&f.context);
        f.context.uc_stack.ss_sp = f.stack.data();
        f.context.uc_stack.ss_size = f.stack.size();
        f.context.uc_link = nullptr;
        makecontext(&f.context, run_body, 0);
    }
    for (;;) {
        std::shuffle(order.begin(), order.end(), random);
        for (unsigned i : order) {
            running = &fibers[i];
            swapcontext(&scheduler, &running->context);
        }
        unsigned ended = 0;
        for (Fiber& f : fibers) ended += f.state == ENDED;
        if (ended == fibers.size()) return FINE;
        if (ended) return DIVERGED;
    }
}

// While this lives, numbers too small to be normal are read and written as 0.
struct Flushing {
#ifdef __SSE__
    unsigned before = _mm_getcsr();
    Flushing() { _mm_setcsr(before | 0x8040); }
    ~Flushing() { _mm_setcsr(before); }
#endif
};

// Run a grid, whose threads may wait for one another or never do; 0, or what went wrong.
static int launch(bool together, dim3 grid, dim3 block, unsigned seed, std::function<void()> kernel) {
    const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    struct sigaction before[4], mine;
    memset(&mine, 0, sizeof mine);
    mine.sa_handler = on_signal;
    mine.sa_flags = SA_NODEFER;
    for (int i = 0; i < 4; ++i) sigaction(signals[i], &mine, &before[i]);
    Flushing flushing;
    int result = sigsetjmp(caught, 1);
    if (result == 0) {
        std::mt19937 random(seed);
        body = kernel;
        grid_size = grid;
        block_size = block;
        fibers.resize(block.x * block.y * block.z);
        std::vector<unsigned> threads(fibers.size()), blocks(grid.x * grid.y * grid.z);
        for (unsigned i = 0; i < threads.size(); ++i) threads[i] = i;
        for (unsigned i = 0; i < blocks.size(); ++i) blocks[i] = i;
        std::shuffle(blocks.begin(), blocks.end(), random);
        for (unsigned i : blocks) {
            block_index = unflatten(i, grid);
            result = together ? run_together(threads, random) : run_apart(threads, random);
            if (result != FINE) break;
        }
    }
    for (int i = 0; i < 4; ++i) sigaction(signals[i], &before[i], nullptr);
    return result;
}

}  // namespace cuda_on_cpu

#define threadIdx (cuda_on_cpu::running->index)
#define blockIdx cuda_on_cpu::block_index
#define blockDim cuda_on_cpu::block_size
#define gridDim cuda_on_cpu::grid_size
#define __device__
#define __forceinline__ inline
#define __restrict__
#define __shared__ static __attribute__((section("cuda_shared")))
#define __syncthreads() cuda_on_cpu::wait_for_others()
using std::exp, std::fma, std::isfinite, std::isinf, std::isnan, std::log, std::max, std::min, std::pow, std::sqrt;

static inline float __uint_as_float(unsigned bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline unsigned __float_as_uint(float value) {
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
