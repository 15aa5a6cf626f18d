"""Reports: a pure model of what a change did or will do, and its renderers.

To change a sentence, open words.py; advice after a failure, advice.py; the page, templates/report.html.j2
and report.css; the picture, timeline.py; what a report holds, model.py (run side) and rfc.py (change side).
"""
