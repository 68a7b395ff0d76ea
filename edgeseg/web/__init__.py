"""The control page, the API and the figures, over HTTP; the extra `web`.

::

    server     uvicorn in a thread of its own, with limits on connections
    guard      what every request must pass: Host, rate, size, token, CSRF; and the headers that every answer has
    access     the token, and the sessions that it opens
    app        the routes, each group in a file: routes_*.py
    stream     MJPEG for the viewers, each as fast as it can
    page/      what the browser gets
"""
