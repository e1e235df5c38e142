"""What is asked and what is answered: the same words in JSON, SQL, flags and Python."""

from palate.contract.events import *  # noqa: F403
from palate.contract.films import *  # noqa: F403
from palate.contract.limits import *  # noqa: F403
from palate.contract.names import *  # noqa: F403
from palate.contract.people import *  # noqa: F403
from palate.contract.recommend import *  # noqa: F403
from palate.contract.rules import *  # noqa: F403
from palate.contract.search import *  # noqa: F403
