/* Calls by their shape: one tensor, two, a tensor and a number, anything with settings.
 *
 * If every operand is a plain tensor on the CPU and nobody watches, a call computes, makes the Tensor and, where
 * gradients are wanted, the node. Whatever else it meets, an error too, it leaves to the function that it stands
 * before: there is one source of errors, type promotion and exceptions.
 */
#ifndef CALLS_H
#define CALLS_H

#include "nodes.h"

#define SMALL 1024 /* numbers in an array that is sooner made than written over */

static PyObject *
record_unary(Call *call, PyObject *input, PyArrayObject *x, PyArrayObject *out)
{
    Known *known = call->known;
    Made made = {&input, &x, out, NULL, NULL};
    PyObject *edge = prepared(call, 1) < 0 ? NULL : edge_of(known, input), *dtype = NULL, *shape = NULL;
    if (edge == NULL) {
        return NULL;
    }
    int fits = 0;
    if (call->flags & ELEMENTWISE) {
        dtype = said_by_edge(known, edge, known->n.dtype, known->word.dtype);
        fits = dtype == (PyObject *)PyArray_DESCR(out);
        Py_XDECREF(dtype);
    }
    if (!PyErr_Occurred()) {
        shape = fits ? said_by_edge(known, edge, known->n.shape, known->word.shape) : shape_of(out);
    }
    PyObject *parents = shape == NULL ? NULL : PyTuple_Pack(1, edge);
    PyObject *saved = shape == NULL ? NULL : keep(call, 1, &made);
    Py_DECREF(edge);
    return node_of(call, call->node_type, parents, saved, shape, PyArray_DESCR(out), fits);
}

/* op(tensor) */
static PyObject *
unary(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Call *call = (Call *)self;
    Known *known = call->known;
    if (kwnames != NULL || PyVectorcall_NARGS(nargsf) != 1 || !is_on(known)) {
        return leave(call, args, nargsf, kwnames);
    }
    PyObject *input = args[0], *node = NULL;
    PyArrayObject *x = array_of(known, input), *out;
    int recorded = x == NULL ? -1 : is_recorded(call, input, NULL, x);
    if (recorded < 0) {
        return leave(call, args, nargsf, kwnames);
    }
    Py_INCREF(x); /* another thread may give the tensor another array meanwhile */
    int done = compute(call, x, NULL, recorded, &out);
    if (done == 1 && recorded && (node = record_unary(call, input, x, out)) == NULL) {
        Py_DECREF(out);
        done = -1;
    }
    Py_DECREF(x);
    return done == 1 ? tensor_of(known, out, node) : done == 0 ? leave(call, args, nargsf, kwnames) : NULL;
}

static PyObject *
record_binary(Call *call, PyObject *a, PyObject *b, PyArrayObject *x, PyArrayObject *y, PyArrayObject *out)
{
    Known *known = call->known;
    PyObject *first = edge_of(known, a), *second = first == NULL ? NULL : edge_of(known, b);
    PyObject *shape = NULL, *other = NULL, *parents = NULL, *saved = NULL;
    PyArray_Descr *dtype = PyArray_DESCR(call->flags & KEEPS_TYPE ? x : out);
    int mask = 0, fits = 0, alike = (call->flags & ELEMENTWISE) && (call->flags & KEEPS_TYPE);
    PyObject *inputs[2] = {a, b};
    PyArrayObject *arrays[2] = {x, y};
    Made made = {inputs, arrays, out, NULL, NULL};
    if (second == NULL) {
        goto done;
    }
    mask = (first != Py_None) | (second != Py_None) << 1;
    if (prepared(call, mask) < 0) {
        goto done;
    }
    shape = said_by_edge(known, mask == 2 ? second : first, known->n.shape, known->word.shape);
    if (shape != NULL) {
        other = mask == 3 ? said_by_edge(known, second, known->n.shape, known->word.shape) : shape_of(out);
    }
    if (other == NULL || (fits = alike ? same_shape(shape, other) : 0) < 0) {
        goto done;
    }
    if (mask != 3) { /* the shape of the result, as it is compared */
        Py_SETREF(shape, Py_NewRef(other));
    }
    else if (!fits) {
        Py_SETREF(shape, shape_of(out));
    }
    parents = shape == NULL ? NULL : PyTuple_Pack(2, first, second);
    saved = parents == NULL ? NULL : keep(call, mask, &made);
done:
    Py_XDECREF(first);
    Py_XDECREF(second);
    Py_XDECREF(other);
    return node_of(call, call->node_type, parents, saved, shape, dtype, fits);
}

static PyObject *
record_number(Call *call, PyObject *input, PyObject *held, PyArrayObject *x, PyArrayObject *out)
{
    Known *known = call->known;
    PyObject *inputs[2] = {input, held};
    Made made = {inputs, &x, out, NULL, NULL};
    PyObject *edge = prepared(call, 1) < 0 ? NULL : edge_of(known, input), *shape, *parents, *saved;
    if (edge == NULL) {
        return NULL;
    }
    shape = said_by_edge(known, edge, known->n.shape, known->word.shape);
    parents = shape == NULL ? NULL : PyTuple_Pack(2, edge, Py_None);
    saved = parents == NULL ? NULL : keep(call, 1, &made);
    Py_DECREF(edge);
    int alike = (call->flags & ELEMENTWISE) && (call->flags & KEEPS_TYPE);
    return node_of(call, call->number_type, parents, saved, shape, PyArray_DESCR(out), alike);
}

/* op(tensor, number): the number is held as an array of the commonest type. */
static PyObject *
with_number(Call *call, PyObject *const *args, size_t nargsf)
{
    Known *known = call->known;
    PyObject *input = args[0], *number = args[1], *node = NULL;
    PyArrayObject *x = array_of(known, input), *out;
    if (x == NULL || (call->flags & TENSORS_ONLY) || PyArray_DESCR(x) != SINGLE_DESCR[NPY_FLOAT]) {
        return leave(call, args, nargsf, NULL);
    }
    int recorded = is_recorded(call, input, NULL, x);
    PyObject *held = PyDict_GetItemWithError(PyFloat_CheckExact(number) ? known->floats : known->ints, number);
    if (held != NULL) {
        Py_INCREF(held);
    }
    else if (PyErr_Occurred() || (held = PyObject_CallOneArg(known->hold, number)) == NULL) {
        return NULL;
    }
    PyObject *y = Py_TYPE(held) == (PyTypeObject *)known->scalar ? SLOT(held, known->scalar_array) : NULL;
    int fits = y != NULL && Py_IS_TYPE(y, &PyArray_Type) && PyArray_DESCR((PyArrayObject *)y) == PyArray_DESCR(x);
    if (recorded < 0 || !fits) {
        Py_DECREF(held); /* a number that no float32 holds, for one */
        return leave(call, args, nargsf, NULL);
    }
    Py_INCREF(x);
    int done = compute(call, x, (PyArrayObject *)y, recorded, &out);
    if (done == 1 && recorded && (node = record_number(call, input, held, x, out)) == NULL) {
        Py_DECREF(out);
        done = -1;
    }
    Py_DECREF(x);
    Py_DECREF(held);
    return done == 1 ? tensor_of(known, out, node) : done == 0 ? leave(call, args, nargsf, NULL) : NULL;
}

/* op(tensor, tensor) */
static PyObject *
binary(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Call *call = (Call *)self;
    Known *known = call->known;
    if (kwnames != NULL || PyVectorcall_NARGS(nargsf) != 2 || !is_on(known)) {
        return leave(call, args, nargsf, kwnames);
    }
    PyObject *a = args[0], *b = args[1], *node = NULL;
    if (PyFloat_CheckExact(b) || PyLong_CheckExact(b)) {
        return with_number(call, args, nargsf);
    }
    PyArrayObject *x = array_of(known, a), *y = x == NULL ? NULL : array_of(known, b), *out;
    if (y == NULL || PyArray_DESCR(x) != PyArray_DESCR(y)) {
        return leave(call, args, nargsf, kwnames);
    }
    int recorded = is_recorded(call, a, b, x);
    if (recorded < 0) {
        return leave(call, args, nargsf, kwnames);
    }
    Py_INCREF(x);
    Py_INCREF(y);
    int done = compute(call, x, y, recorded, &out);
    if (done == 1 && recorded && (node = record_binary(call, a, b, x, y, out)) == NULL) {
        Py_DECREF(out);
        done = -1;
    }
    Py_DECREF(x);
    Py_DECREF(y);
    return done == 1 ? tensor_of(known, out, node) : done == 0 ? leave(call, args, nargsf, kwnames) : NULL;
}

static PyObject *
record_any(Call *call, int wanting, const Made *made)
{
    PyObject *parents = PyTuple_New(call->inputs), *saved = NULL, *shape = NULL, *type = NULL, *node;
    int mask = wanting & call->ruled;
    for (int i = 0; parents != NULL && i < call->inputs; i++) {
        PyObject *edge = mask & 1 << i ? edge_of(call->known, made->inputs[i]) : Py_NewRef(Py_None);
        if (edge == NULL) {
            Py_CLEAR(parents);
            break;
        }
        PyTuple_SET_ITEM(parents, i, edge);
    }
    if (parents != NULL && prepared(call, mask) == 0) {
        if (call->type_of == Py_None) {
            type = Py_NewRef((PyObject *)call->node_type);
        }
        else { /* the node's name depends on a setting */
            PyObject *value = setting_of(call, made, call->named_by);
            type = PyObject_CallOneArg(call->type_of, value == NULL ? Py_None : value);
        }
        saved = type == NULL ? NULL : keep(call, mask, made);
        shape = saved == NULL ? NULL : shape_of(made->out);
    }
    node = node_of(call, (PyTypeObject *)type, parents, saved, shape, PyArray_DESCR(made->out), 0);
    Py_XDECREF(type);
    return node;
}

/* op(tensor, tensor or None, ..., setting=...): the forward is a function of arrays with the same settings. */
static PyObject *
any(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Call *call = (Call *)self;
    Known *known = call->known;
    int count = call->inputs, wanting = 0, recorded = 0, done = 1;
    Py_ssize_t given = kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames);
    if (PyVectorcall_NARGS(nargsf) != count || given > SETTINGS || !is_on(known)) {
        return leave(call, args, nargsf, kwnames);
    }
    PyObject *stack[1 + INPUTS + SETTINGS], *result = NULL;
    PyArrayObject *arrays[INPUTS], *out;
    for (int i = 0; i < count && done; i++) {
        arrays[i] = i > 0 && args[i] == Py_None ? NULL : array_of(known, args[i]);
        done = arrays[i] != NULL || (i > 0 && args[i] == Py_None && !(call->flags & KEEPS_TYPE));
        if (done && (call->flags & KEEPS_TYPE)) { /* there is nothing to convert where all are of one real type */
            done = is_float(PyArray_DESCR(arrays[i])) && PyArray_DESCR(arrays[i]) == PyArray_DESCR(arrays[0]);
        }
        if (done && arrays[i] != NULL) {
            PyObject *needs = SLOT(args[i], known->t._needs);
            done = needs == Py_True || needs == Py_False;
            wanting |= (needs == Py_True) << i;
        }
    }
    if (!done || (count > 1 && PyArray_TYPE(arrays[0]) >= KINDS)) {
        return leave(call, args, nargsf, kwnames);
    }
    if (wanting) {
        if (call->ruled < 0 && prepared(call, 0) < 0) {
            return NULL;
        }
        if (wanting & call->ruled) {
            recorded = mode_of(known);
        }
    }
    if (recorded < 0) {
        return leave(call, args, nargsf, kwnames);
    }
    for (int i = 0; i < count; i++) {
        stack[1 + i] = Py_NewRef(arrays[i] == NULL ? Py_None : (PyObject *)arrays[i]);
    }
    for (Py_ssize_t i = 0; i < given; i++) {
        stack[1 + count + i] = args[count + i];
    }
    size_t many = (size_t)count | PY_VECTORCALL_ARGUMENTS_OFFSET;
    done = taken(call, PyObject_Vectorcall(call->forward, stack + 1, many, kwnames), arrays[0], &out);
    if (done == 1) {
        int kind = PyArray_TYPE(out);
        PyObject *node = NULL;
        Made made = {args, arrays, out, args + count, kwnames};
        if (recorded && (kind >= KINDS || PyTypeNum_ISCOMPLEX(kind))) {
            done = 0;
        }
        else if (recorded && is_float(PyArray_DESCR(out)) && (node = record_any(call, wanting, &made)) == NULL) {
            done = -1;
        }
        if (done == 1) {
            result = tensor_of(known, out, node);
        }
        else {
            Py_DECREF(out);
        }
    }
    for (int i = 0; i < count; i++) {
        Py_DECREF(stack[1 + i]);
    }
    if (done == 0) {
        return leave(call, args, nargsf, kwnames);
    }
    if (result != NULL && call->mark_view != Py_None) {
        PyObject *said = PyObject_CallFunctionObjArgs(call->mark_view, args[0], result, NULL);
        if (said == NULL) {
            Py_CLEAR(result);
        }
        Py_XDECREF(said);
    }
    return result;
}

/* A function of NumPy in the rules of a backward pass: f(x), f(x, y) or with x or y once more, to be written into.
 *
 * That one the caller gives up. Here it is left as it was and the result is a new array, which is quicker while arrays
 * are small, and lets NumPy do it again if the result is for it to judge.
 */
static PyObject *
of_numpy(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Call *call = (Call *)self;
    Known *known = call->known;
    Py_ssize_t count = PyVectorcall_NARGS(nargsf), more = count - call->inputs;
    if (kwnames != NULL || !known->enabled || more < 0 || more > 1 || !Py_IS_TYPE(args[0], &PyArray_Type)) {
        return leave(call, args, nargsf, kwnames);
    }
    PyArrayObject *x = (PyArrayObject *)args[0], *y = NULL;
    if (call->inputs == 2) {
        y = (PyArrayObject *)args[1];
        if (!Py_IS_TYPE(y, &PyArray_Type) || PyArray_DESCR(y) != PyArray_DESCR(x)) {
            return leave(call, args, nargsf, kwnames);
        }
    }
    PyArrayObject *place = more ? (PyArrayObject *)args[count - 1] : x;
    if ((place != x && place != y) || PyArray_NDIM(place) == 0 || (more && PyArray_SIZE(place) > SMALL)) {
        return leave(call, args, nargsf, kwnames);
    }
    PyObject *out = looped(&call->loops, x, y, known->errstate, known->usual);
    if (out != NULL && more && PyArray_DESCR((PyArrayObject *)out) != PyArray_DESCR(place)) {
        Py_CLEAR(out);
    }
    return out != NULL || PyErr_Occurred() ? out : leave(call, args, nargsf, kwnames);
}

/* A function of NumPy that is given the array its result goes into: f(x, out) or f(x, y, out). */
static PyObject *
into(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Call *call = (Call *)self;
    int count = call->inputs, plain = kwnames == NULL && PyVectorcall_NARGS(nargsf) == count + 1 && call->known->enabled;
    for (int i = 0; plain && i <= count; i++) {
        plain = Py_IS_TYPE(args[i], &PyArray_Type);
    }
    PyArrayObject *const *arrays = (PyArrayObject *const *)args;
    int done = plain ? looped_into(&call->loops, arrays, count, arrays[count]) : 0;
    return done > 0 ? Py_NewRef(args[count]) : done < 0 ? NULL : leave(call, args, nargsf, kwnames);
}

/* A function behind a test: straight to it where the test would let everything pass. */
static PyObject *
door(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Call *call = (Call *)self;
    int open = is_on(call->known) && (call->op == Py_None || PyList_GET_SIZE(call->op) == 0);
    if (open && kwnames != NULL && call->word != Py_None) {
        int found = PySequence_Contains(kwnames, call->word);
        if (found < 0) {
            return NULL;
        }
        open = !found;
    }
    return PyObject_Vectorcall(open ? call->forward : call->fallback, args, nargsf, kwnames);
}

#endif
