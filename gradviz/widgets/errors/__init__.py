"""What went wrong: from a failed run to the nodes and lines to blame.

evidence.py collects, causes.py tells the mistakes apart; one file for each kind of mistake says what it was.
"""
