"""Write the films of bokeh_sampledata as CSV: `python examples/films_csv.py films.csv`."""

import csv
import sqlite3
import sys

from bokeh_sampledata import package_path

with sqlite3.connect(package_path("movies.db")) as database, open(sys.argv[1], "w", newline="", encoding="utf-8") as file:
    films = database.execute("select * from omdb")
    writer = csv.writer(file)
    writer.writerow([column[0] for column in films.description])
    writer.writerows(films)
