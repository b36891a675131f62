"""Operations on single elements: arithmetic, comparisons, functions of one number or two."""
