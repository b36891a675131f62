// The types of numbers that kernels are compiled for. A text begins with this file, then says `typedef ... T;`, the type of
// the arrays, and `typedef ... A;`, the type that sums are kept in: 16-bit floats are added up in 32 bits.
//
// 16-bit floats are converted here by shifts and sums that are exact, so that no header of CUDA is needed and a CPU runs the
// same text. CuPy compiles with -ftz=true: a float below 2^-126 is read as 0, so none may arise on the way.

struct float16 {
    unsigned short bits;
    float16() = default;
    __device__ float16(float value) {
        unsigned u = __float_as_uint(value), sign = (u >> 16) & 0x8000u, size = u & 0x7fffffffu;
        if (size > 0x7f800000u) {
            bits = sign | 0x7e00u;  // NaN
        } else if (size >= 0x477ff000u) {
            bits = sign | 0x7c00u;  // rounds to infinity
        } else if (size < 0x38800000u) {  // below 2^-14: adding 0.5 leaves the multiple of 2^-24 in the last bits
            bits = sign | (__float_as_uint(__uint_as_float(size) + 0.5f) - 0x3f000000u);
        } else {
            bits = sign | ((size - 0x38000000u + 0xfffu + ((size >> 13) & 1u)) >> 13);
        }
    }
    __device__ operator float() const {
        unsigned size = bits & 0x7fffu, sign = (unsigned)(bits & 0x8000u) << 16;
        if (size >= 0x7c00u) return __uint_as_float(sign | 0x7f800000u | (size & 0x3ffu) << 13);
        if (size >= 0x400u) return __uint_as_float(sign | ((size << 13) + 0x38000000u));  // the exponent begins at -127
        return __uint_as_float(sign | __float_as_uint((float)size * 5.9604644775390625e-08f));  // below 2^-14: of 2^-24
    }
};

struct bfloat16 {
    unsigned short bits;
    bfloat16() = default;
    __device__ bfloat16(float value) {
        unsigned u = __float_as_uint(value);
        bits = (u & 0x7fffffffu) > 0x7f800000u ? (u >> 16) | 0x40u : (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    }
    __device__ operator float() const { return __uint_as_float((unsigned)bits << 16); }
};

template <class R>
struct complex {
    R re, im;
    complex() = default;
    __device__ complex(R real) : re(real), im(0) {}
    __device__ void operator+=(complex other) {
        re += other.re;
        im += other.im;
    }
};
