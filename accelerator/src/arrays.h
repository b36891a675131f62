/* Loops of our own on arrays of float32, for what NumPy has no one function for: the gradient of relu, max pooling by
 * windows of 2 x 2 side by side, and the way back from any max pooling.
 *
 * They give the numbers and indices that gradviz's Python gives: of each window the first of its largest numbers, or its
 * last NaN. Whatever is of another type, not in one piece, or wrong in any way is left to Python.
 */
#ifndef ARRAYS_H
#define ARRAYS_H

#include "loops.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("O3") /* several numbers at a time, as clang does anyway */
#endif

/* The bits of the gradients y where relu's result s is not 0; a condition would be a branch that is guessed wrong. */
static void
relu_numbers(const npy_uint32 *restrict y, const float *restrict s, npy_intp count, npy_uint32 *restrict out)
{
    for (npy_intp i = 0; i < count; i++) {
        out[i] = y[i] & -(npy_uint32)(s[i] != 0);
    }
}

/* The window's best number so far is x, at `place` from its first one, where that is larger, or NaN. */
#define COMPARE(x, place) \
    better = ((x) > best) | ((x) != (x)); \
    best = better ? (x) : best; \
    where = better ? (place) : where;

/* The windows over two lines of a picture, of which the first begins at index `start`. */
static void
pool_lines(const float *restrict upper, const float *restrict lower, int wide, npy_intp count, int start,
           float *restrict out, npy_int64 *restrict indices)
{
    for (npy_intp i = 0; i < count; i++) {
        float best = upper[2 * i];
        int where = 0, better;
        COMPARE(upper[2 * i + 1], 1)
        COMPARE(lower[2 * i], wide)
        COMPARE(lower[2 * i + 1], wide + 1)
        out[i] = best;
        indices[i] = start + 2 * (int)i + where;
    }
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

/* ------------------------------------------------------------------------------------------------ called from Python */

static int
is_singles(PyObject *x)
{
    return PyArray_CheckExact(x) && PyArray_DESCR((PyArrayObject *)x) == SINGLE_DESCR[NPY_FLOAT] &&
           PyArray_ISCARRAY_RO((PyArrayObject *)x);
}

/* (y, s) -> the gradient of relu's input; None where Python is to do it. */
static PyObject *
relu_back(PyObject *const *args)
{
    PyArrayObject *y = (PyArrayObject *)args[0], *s = (PyArrayObject *)args[1];
    if (!is_singles(args[0]) || !is_singles(args[1]) || PyArray_NDIM(y) != PyArray_NDIM(s) ||
        !PyArray_CompareLists(PyArray_DIMS(y), PyArray_DIMS(s), PyArray_NDIM(y))) {
        Py_RETURN_NONE;
    }
    PyArrayObject *out = (PyArrayObject *)PyArray_SimpleNew(PyArray_NDIM(y), PyArray_DIMS(y), NPY_FLOAT);
    if (out == NULL) {
        return NULL;
    }
    npy_intp size = PyArray_SIZE(y);
    NPY_BEGIN_THREADS_DEF;
    if (size > LONG) {
        NPY_BEGIN_THREADS;
    }
    relu_numbers(PyArray_DATA(y), PyArray_DATA(s), size, PyArray_DATA(out));
    NPY_END_THREADS;
    return (PyObject *)out;
}

/* (x) -> (out, indices) of its last two dimensions; None where Python is to do it. */
static PyObject *
pool_2x2(PyObject *const *args)
{
    PyArrayObject *x = (PyArrayObject *)args[0];
    int dims = is_singles(args[0]) ? PyArray_NDIM(x) : 0, last = dims - 2;
    npy_intp shape[NPY_MAXDIMS], count = 1, high, wide;
    if (last < 1 || PyArray_DIM(x, last) < 2 || PyArray_DIM(x, last + 1) < 2 ||
        PyArray_DIM(x, last) > INT_MAX / PyArray_DIM(x, last + 1)) {
        Py_RETURN_NONE;
    }
    for (int i = 0; i < dims; i++) {
        shape[i] = i < last ? PyArray_DIM(x, i) : PyArray_DIM(x, i) / 2;
        count *= i < last ? shape[i] : 1;
    }
    high = shape[last];
    wide = PyArray_DIM(x, last + 1);
    PyArrayObject *out = (PyArrayObject *)PyArray_SimpleNew(dims, shape, NPY_FLOAT);
    PyArrayObject *indices = out == NULL ? NULL : (PyArrayObject *)PyArray_SimpleNew(dims, shape, NPY_INT64);
    if (indices == NULL) {
        Py_XDECREF(out);
        return NULL;
    }
    const float *from = PyArray_DATA(x);
    float *best = PyArray_DATA(out);
    npy_int64 *at = PyArray_DATA(indices);
    NPY_BEGIN_THREADS_DEF;
    if (PyArray_SIZE(x) > LONG) {
        NPY_BEGIN_THREADS;
    }
    for (npy_intp i = 0; i < count; i++, from += PyArray_DIM(x, last) * wide) {
        for (npy_intp row = 0; row < high; row++, best += wide / 2, at += wide / 2) {
            const float *upper = from + 2 * row * wide;
            pool_lines(upper, upper + wide, (int)wide, wide / 2, (int)(2 * row * wide), best, at);
        }
    }
    NPY_END_THREADS;
    return Py_BuildValue("(NN)", out, indices);
}

/* (y, indices, shape, overlap) -> zeros of that shape with each number of y at its index; None where Python is to do it.
 *
 * `overlap`: whether two numbers may have one index, and are added up.
 */
static PyObject *
pool_back(PyObject *const *args)
{
    PyArrayObject *y = (PyArrayObject *)args[0], *indices = (PyArrayObject *)args[1];
    if (!is_singles(args[0]) || !PyArray_CheckExact(args[1]) || !PyTuple_CheckExact(args[2]) ||
        PyArray_DESCR(indices) != SINGLE_DESCR[NPY_INT64] || !PyArray_ISCARRAY_RO(indices)) {
        Py_RETURN_NONE;
    }
    npy_intp shape[NPY_MAXDIMS];
    int dims = PyArray_NDIM(y), last = dims - 2;
    if (last < 1 || PyArray_SIZE(y) == 0 || PyTuple_GET_SIZE(args[2]) != dims || PyArray_NDIM(indices) != dims ||
        !PyArray_CompareLists(PyArray_DIMS(y), PyArray_DIMS(indices), dims)) {
        Py_RETURN_NONE;
    }
    for (int i = 0; i < dims; i++) {
        shape[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(args[2], i));
        if (shape[i] < 0 || (i < last && shape[i] != PyArray_DIM(y, i))) {
            PyErr_Clear();
            Py_RETURN_NONE;
        }
    }
    PyArrayObject *out = (PyArrayObject *)PyArray_ZEROS(dims, shape, NPY_FLOAT, 0);
    if (out == NULL) {
        return NULL;
    }
    const float *from = PyArray_DATA(y);
    const npy_int64 *at = PyArray_DATA(indices);
    float *into = PyArray_DATA(out);
    npy_intp plane = shape[last] * shape[last + 1], each = PyArray_DIM(y, last) * PyArray_DIM(y, last + 1);
    npy_intp size = PyArray_SIZE(y);
    int beyond = 0, overlap = args[3] == Py_True;
    NPY_BEGIN_THREADS_DEF;
    if (size > LONG) {
        NPY_BEGIN_THREADS;
    }
    for (npy_intp begin = 0; begin < size && !beyond; begin += each, into += plane) {
        for (npy_intp i = begin; i < begin + each; i++) {
            npy_uint64 place = (npy_uint64)at[i]; /* a negative one becomes a very large one */
            if (place >= (npy_uint64)plane) {
                beyond = 1;
                break;
            }
            into[place] = overlap ? into[place] + from[i] : from[i];
        }
    }
    NPY_END_THREADS;
    if (beyond) {
        Py_DECREF(out);
        Py_RETURN_NONE;
    }
    return (PyObject *)out;
}

#endif
