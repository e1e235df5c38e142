"""Small files of our own making in the layouts that people have."""

import bz2
import gzip
import json
import lzma
import zipfile
from pathlib import Path

import polars as pl
import zstandard

CREW = [{"job": "Editor", "name": "E"}, {"job": "Director", "name": "Ridley Scott"}]


def write_layouts(folder: Path) -> None:
    """Write every file that the tables of docs/loading.md name."""
    _movielens(folder)
    _recommenders(folder)
    _films(folder)
    _shops(folder)
    _music_and_anime(folder)
    _formats(folder)


def _write(place: Path, *lines: str, encoding: str = "utf-8") -> None:
    place.parent.mkdir(exist_ok=True, parents=True)
    place.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))


def _movielens(folder: Path) -> None:
    place = folder / "ml-latest-small"
    _write(
        place / "movies.csv", "movieId,title,genres", "1,Heat (1995),Crime", "2,Up (2009),Comedy"
    )
    _write(place / "ratings.csv", "userId,movieId,rating,timestamp", "1,1,4.5,964982703")
    _write(place / "links.csv", "movieId,imdbId,tmdbId", "1,0113277,949", "2,1049413,14160")
    _write(place / "tags.csv", "userId,movieId,tag,timestamp", "1,1,tense,964982703")

    place = folder / "ml-1m"
    _write(
        place / "movies.dat", "1::Heat (1995)::Action|Crime", "2::Amélie (2001)::Romance",
        encoding="latin-1",
    )  # fmt: skip
    _write(place / "ratings.dat", "1::1::4::978300760", "1::2::5::978302109")
    _write(place / "users.dat", "1::F::1::10::48067")


def _recommenders(folder: Path) -> None:
    _write(
        folder / "recbole" / "ml.inter",
        "user_id:token\titem_id:token\trating:float\ttimestamp:float",
        "196\t242\t3\t881250949",
        "186\t302\t4\t891717742",
    )
    _write(
        folder / "recbole" / "ml.item",
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq",
        "242\tKolya\t1996\tComedy",
        "302\tL.A. Confidential\t1997\tCrime Mystery",
    )
    _write(folder / "recbole" / "ml.user", "user_id:token\tage:token", "196\t49", "186\t39")
    place = folder / "hetrec"
    _write(
        place / "movies.dat",
        "id\ttitle\timdbID\tspanishTitle\tyear",
        "1\tToy story\t0114709\tToy story (juguetes)\t1995",
        "2\tAmélie\t0211915\tAmélie\t2001",
        encoding="latin-1",
    )
    _write(place / "movie_genres.dat", "movieID\tgenre", "1\tAdventure", "1\tComedy", "2\tRomance")
    _write(
        place / "movie_directors.dat",
        "movieID\tdirectorID\tdirectorName",
        "1\tjohn_lasseter\tJohn Lasseter",
    )
    _write(
        place / "movie_actors.dat",
        "movieID\tactorID\tactorName\tranking",
        "1\ttom_hanks\tTom Hanks\t1",
        "1\ttim_allen\tTim Allen\t2",
    )
    _write(
        place / "user_ratedmovies.dat",
        "userID\tmovieID\trating\tdate_day\tdate_month",
        "75\t1\t1\t29\t10",
    )
    _write(
        place / "user_ratedmovies-timestamps.dat",
        "userID\tmovieID\trating\ttimestamp",
        "75\t1\t1\t1162160236000",
        "75\t2\t4.5\t1162160216000",
    )
    place = folder / "netflix"
    _write(
        place / "combined_data_1.txt",
        "1:",
        "1488844,3,2005-09-06",
        "822109,5,2005-05-13",
        "2:",
        "885013,4,2005-10-19",
    )
    _write(place / "combined_data_2.txt", "3:", "1488844,4,2005-09-06")
    _write(
        place / "movie_titles.csv",
        "1,2003,Dinosaur Planet",
        "2,1974,At Home Among Strangers, A Stranger Among His Own",
        "3,NULL,Character",
        encoding="latin-1",
    )


def _films(folder: Path) -> None:
    place = folder / "the-movies"
    header = (
        "adult,budget,genres,id,imdb_id,original_title,overview,release_date,revenue,runtime,title"
    )
    genres = "\"[{'id': 27, 'name': 'Horror'}, {'id': 878, 'name': 'Science Fiction'}]\""
    _write(
        place / "movies_metadata.csv",
        header,
        f'False,11000000,{genres},348,tt0078748,Alien,"In space, nobody hears.",1979-05-25,'
        "104931801,117.0,Alien",
        f"False,0,{genres},949,tt0113277,Heat,,1995-12-15,0,0,Heat",
    )
    _write(
        place / "credits.csv",
        "cast,crew,id",
        f"\"[{{'name': 'Sigourney Weaver'}}, {{'name': 'Tom Skerritt'}}]\",\"{CREW}\",348",
    )
    _write(place / "keywords.csv", "id,keywords", "348,\"[{'id': 803, 'name': 'android'}]\"")
    _write(place / "links.csv", "movieId,imdbId,tmdbId", "1214,0078748,348", "6,0113277,949")
    _write(
        place / "ratings.csv",
        "userId,movieId,rating,timestamp",
        "1,1214,4.5,1425941529",
        "1,6,4.0,1425942435",
    )
    _write(place / "ratings_small.csv", "userId,movieId,rating,timestamp", "1,6,4.0,1425942435")
    place = folder / "tmdb-5000"
    genres = json.dumps([{"id": 27, "name": "Horror"}]).replace('"', '""')
    _write(
        place / "tmdb_5000_movies.csv",
        "budget,genres,homepage,id,keywords,original_title,overview,release_date,revenue,"
        "runtime,title",
        f'11000000,"{genres}",,348,"[]",Alien,In space.,1979-05-25,104931801,117,Alien',
    )
    crew = json.dumps(CREW).replace('"', '""')
    _write(
        place / "tmdb_5000_credits.csv",
        "movie_id,title,cast,crew",
        f'348,Alien,"[{{""name"": ""Sigourney Weaver""}}]","{crew}"',
    )
    (folder / "title.basics.tsv.gz").write_bytes(
        gzip.compress(
            b"tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\t"
            b"runtimeMinutes\tgenres\n"
            b"tt0000001\tshort\tCarmencita\tCarmencita\t0\t1894\t\\N\t1\tDocumentary,Short\n"
            b'tt0111161\tmovie\t"Shawshank"\tRita\t0\t1994\t\\N\t142\tDrama\n'
            b"tt0111162\tmovie\tUnknown\tUnknown\t0\t\\N\t\\N\t\\N\tCrime,Drama\n"
        )
    )
    _write(
        folder / "imdb-ratings.csv",
        "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,"
        "Runtime (mins),Year,Genres,Num Votes,Release Date,Directors",
        "tt0078748,10,2024-03-01,Alien,Alien,https://www.imdb.com/title/tt0078748,Movie,8.5,117,"
        '1979,"Horror, Sci-Fi",990000,1979-05-25,Ridley Scott',
        "tt0113277,1,2024-03-02,Heat,Heat,https://www.imdb.com/title/tt0113277,Movie,8.3,170,"
        '1995,"Action, Crime",740000,1995-12-15,Michael Mann',
    )
    _write(
        folder / "goodreads_library_export.csv",
        "Book Id,Title,Author,ISBN,ISBN13,My Rating,Average Rating,Number of Pages,Year Published,"
        "Original Publication Year,Date Read,Date Added,Bookshelves,Exclusive Shelf",
        '5907,The Hobbit,J.R.R. Tolkien,"=""0618260307""","=""9780618260300""",5,4.29,366,2002,'
        "1937,2020/05/01,2020/04/20,,read",
        '1381,The Odyssey,Homer,"=""""","=""""",0,3.82,541,2006,-700,,2021/01/02,to-read,to-read',
    )
    (folder / "letterboxd-export.zip").unlink(missing_ok=True)
    _diaries(folder)
    with zipfile.ZipFile(folder / "letterboxd-export.zip", "w") as archive:
        archive.writestr(
            "ratings.csv",
            "Date,Name,Year,Letterboxd URI,Rating\n"
            "2021-05-01,Alien,1979,https://boxd.it/29Dk,5\n"
            "2021-05-02,Heat,1995,https://boxd.it/2aHi,4.5\n"
            "2021-05-03,Nowhere Here,2001,https://boxd.it/zzzz,2\n",
        )
        archive.writestr("profile.csv", "Date Joined,Username\n2020-01-01,me\n")


def _diaries(folder: Path) -> None:
    """What people note for themselves: of films, books and games."""

    def film(title: str, year: int, imdb: str, tmdb: int) -> dict[str, object]:
        ids = {"trakt": 1, "slug": f"{title}-{year}".lower(), "imdb": imdb, "tmdb": tmdb}
        return {"title": title, "year": year, "ids": ids}

    alien, heat = film("Alien", 1979, "tt0078748", 348), film("Heat", 1995, "tt0113277", 949)
    place = folder / "trakt"
    rated = [
        {"rated_at": "2016-01-05T20:15:00.000Z", "rating": 10, "type": "movie", "movie": alien},
        {"rated_at": "2016-01-06T20:15:00.000Z", "rating": 1, "type": "movie", "movie": heat},
    ]
    _write(place / "ratings-movies.json", json.dumps(rated, indent=1))
    seen = {"id": 1, "watched_at": "2016-01-05T18:00:00.000Z", "type": "movie", "movie": alien}
    _write(place / "history-movies.json", json.dumps([seen]))
    wanted = {"rank": 1, "listed_at": "2016-01-05T18:00:00.000Z", "type": "movie", "movie": heat}
    _write(place / "watchlist.json", json.dumps([wanted]))
    place, header = folder / "letterboxd", "Date,Name,Year,Letterboxd URI"
    line = "2016-01-04,Alien,1979,https://boxd.it/29Dk"
    unknown = '2016-01-04,"Nowhere, ""Here""",2001,https://boxd.it/zzzz'
    _write(place / "likes" / "films.csv", header, line)
    _write(place / "watched.csv", header, line, unknown)
    _write(place / "watchlist.csv", header, "2016-01-04,Heat,1995,https://boxd.it/2aHi")
    _write(
        place / "diary.csv",
        f"{header},Rating,Rewatch,Tags,Watched Date",
        f'{line},4.5,Yes,"a, b",2016-01-03',
    )
    _write(
        folder / "storygraph.csv",
        "Title,Authors,ISBN/UID,Format,Read Status,Date Added,Last Date Read,Star Rating,Owned?",
        '"Dune, Messiah",Frank Herbert,9780441172719,digital,read,2016/01/01,2016/01/05,4.25,No',
        "Emma,Jane Austen,9780141439587,paperback,to-read,2016/01/01,,,No",
        "Without,Nobody,,paperback,read,2016/01/01,,3.0,No",
    )
    _write(
        folder / "bgg-collection.csv",
        "objectname,objectid,rating,numplays,own,yearpublished",
        "Carcassonne,822,10,12,1,2000",
        "Pandemic,30549,0,0,1,2008",
    )
    _write(
        folder / "bgg-19m-reviews.csv",
        ",user,rating,comment,ID,name",
        "0,Torsten,10.0,,30549,Pandemic",
        '1,Mike Mayer,5.5,"Nice, really",822,Carcassonne',
        "2,avlawn,1.0,,30549,Pandemic",
    )
    _write(
        folder / "steam-200k.csv",
        '151603712,"The Elder Scrolls V Skyrim",purchase,1.0,0',
        '151603712,"The Elder Scrolls V Skyrim",play,273.0,0',
        "59945701,Dota 2,play,1.0,0",
    )


def _shops(folder: Path) -> None:
    place = folder / "amazon"
    _write(
        place / "Movies_and_TV.jsonl",
        '{"rating": 5.0, "title": "Great", "text": "...", "asin": "B00A", "parent_asin": '
        '"B00YQ6X8EO", "user_id": "AGKHLEW2SOWHNMFQIJGBECAF7INQ", "timestamp": 1588687728923}',
        '{"rating": 2.0, "title": "Dull", "text": "...", "asin": "B00B", "parent_asin": '
        '"0790747324", "user_id": "AGKHLEW2SOWHNMFQIJGBECAF7INQ", "timestamp": 1588615855070}',
    )
    _write(
        place / "meta_Movies_and_TV.jsonl",
        '{"title": "Alien", "parent_asin": "B00YQ6X8EO", "description": ["In space.", "Run."], '
        '"categories": ["Horror", "DVD"], "price": 9.9}',
        '{"title": "Heat", "parent_asin": "0790747324", "description": [], "categories": []}',
    )
    _write(
        folder / "amazon-2018" / "reviews.json",
        '{"overall": 5.0, "reviewerID": "A2SUAM1J3GNN3B", "asin": "0000013714", '
        '"unixReviewTime": 1393545600}',
    )
    _write(folder / "amazon-2018" / "meta.json", '{"asin": "0000013714", "title": "Alien"}')
    place = folder / "book-crossing"
    _write(
        place / "BX-Books.csv",
        '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher"',
        '"0195153448";"Classical Mythology";"Mark P. O. Morford";"2002";"Oxford"',
        '"042518630X";"Purity in \\"Death\\"; a café";"J.D. Robb";"0";"Berkley"',
        encoding="latin-1",
    )
    _write(
        place / "BX-Book-Ratings.csv",
        '"User-ID";"ISBN";"Book-Rating"',
        '"276725";"0195153448";"0"',
        '"276726";"0195153448";"5"',
        '"276729";"042518630X";"10"',
        encoding="latin-1",
    )
    place = folder / "yelp"
    _write(
        place / "yelp_academic_dataset_review.json",
        '{"review_id": "KU_O5", "user_id": "mh_-eMZ6K5", "business_id": "XQfwVwDr-v0ZS3_Cbb", '
        '"stars": 3.0, "text": "ok", "date": "2018-07-07 22:09:11"}',
    )
    _write(
        place / "yelp_academic_dataset_business.json",
        '{"business_id": "XQfwVwDr-v0ZS3_Cbb", "name": "Roxy", "stars": 4.0, '
        '"categories": "Cinema, Arts", "attributes": {"Parking": "True"}}',
    )
    _write(
        folder / "retailrocket" / "events.csv",
        "timestamp,visitorid,event,itemid,transactionid",
        "1433221332117,257597,view,355908,",
        "1433221332999,257597,addtocart,355908,",
        "1433221333000,257597,view,355908,",
        "1433222276276,992329,transaction,248676,9",
    )


def _music_and_anime(folder: Path) -> None:
    place = folder / "myanimelist"
    _write(
        place / "anime.csv",
        "anime_id,name,genre,type,episodes,rating,members",
        '1,Cowboy Bebop,"Action, Drama",TV,26,8.82,486824',
        "5,Trigun,Action,TV,26,8.32,283069",
    )
    _write(place / "rating.csv", "user_id,anime_id,rating", "1,1,-1", "1,5,10", "2,1,1")
    place = folder / "lastfm"
    _write(
        place / "artists.dat", "id\tname\turl", "1\tMALICE MIZER\thttp://a", "2\tDiary\thttp://b"
    )
    _write(place / "user_artists.dat", "userID\tartistID\tweight", "2\t1\t13883", "3\t2\t1")
    _write(
        folder / "usersha1-artmbid-artname-plays.tsv",
        "00000c289a1829a808ac09c00daf10bc3c4e223b\t3bd73256-3905-4f3a\tbetty blowtorch\t2137",
        "00001411dc427966b17297bf4d69e7e193135d89\t\tdie Ärzte\t4",
    )


def _formats(folder: Path) -> None:
    films = "movie_id,title,year\n1,Heat,1995\n2,Amélie,2001\n"
    stars = "user_id,movie_id,rating\n1,1,4\n1,2,5\n"
    place = folder / "formats"
    place.mkdir()
    (place / "films.csv").write_text(films, encoding="utf-8")
    (place / "stars.csv").write_text(stars)
    for name, text in (("films", films), ("stars", stars)):
        data = text.encode()
        (place / f"{name}.tsv").write_bytes(data.replace(b",", b"\t"))
        (place / f"{name}.semicolons.csv").write_bytes(data.replace(b",", b";"))
        (place / f"{name}.bars.txt").write_bytes(data.replace(b",", b"|"))
        (place / f"{name}.colons.dat").write_bytes(data.replace(b",", b"::"))
        (place / f"{name}.utf16.csv").write_bytes(text.encode("utf-16"))
        (place / f"{name}.latin1.csv").write_bytes(text.encode("latin-1"))
        (place / f"{name}.csv.gz").write_bytes(gzip.compress(data))
        (place / f"{name}.csv.bz2").write_bytes(bz2.compress(data))
        (place / f"{name}.csv.xz").write_bytes(lzma.compress(data))
        (place / f"{name}.csv.zst").write_bytes(zstandard.compress(data))
        with zipfile.ZipFile(place / f"{name}.zip", "w") as archive:
            archive.writestr(f"{name}.csv", data)
        frame = pl.read_csv(data)
        frame.write_parquet(place / f"{name}.parquet")
        frame.write_ndjson(place / f"{name}.jsonl")
        (place / f"{name}.json").write_text(json.dumps(frame.to_dicts(), indent=1))
        (place / f"{name}.headerless.csv").write_bytes(data.partition(b"\n")[2])
