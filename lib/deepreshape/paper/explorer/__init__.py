"""The book's explorer: settings in, a page's numbers out, by the rest of the library.

It runs twice: when the book is built, for the values that stand on the page, and in the reader's
browser, for those of other settings. So it is pure Python, as are all modules that it imports.
"""
