"""A whole installation on localhost: database, AWS, queues, and the processes of the Procfile."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import boto3
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed
from urllib3.exceptions import HTTPError

from config.settings import Settings, load_settings
from sandbox.aws.control import Control
from sandbox.postgres import PostgresServer, free_port
from sandbox.processes import Process, ProcessError
from sandbox.procfile import RELEASE, read_procfile

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sqs import SQSClient

REGION = "eu-west-1"
SENDER_DOMAIN = "example.com"
SENDER = f"mailsluice@{SENDER_DOMAIN}"
CONFIGURATION_SET = "mailsluice"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"}


class Installation:
    """Everything that Mailsluice needs, on localhost, for as long as the `with` block lasts.

    Where DATABASE_URL is set, `database_url` names a database of that server; otherwise an
    embedded one is started. `environment` is what each process is started with.
    """

    def __init__(
        self,
        directory: Path,
        *,
        database_url: str | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.environment = dict(environment or {})
        self.processes: list[Process] = []
        self.postgres: PostgresServer | None = None
        self._database_url = database_url
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as starting:
            starting.callback(self.close)
            self._start_database()
            self._start_aws()
            self._prepare()
            starting.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every process that was started here, the newest first."""
        for process in self.processes:
            if process.is_running:
                process.terminate()
        for process in reversed(self.processes):
            process.stop()
        self.processes.clear()
        self._stack.close()

    def settings(self) -> Settings:
        """The settings that every process here finds."""
        return load_settings(
            database_url=self.environment["DATABASE_URL"],
            aws_region=REGION,
            aws_ses_configuration_set=CONFIGURATION_SET,
        )

    def start(self, name: str, **environment: str) -> Process:
        """Start a process of the Procfile, and wait until it is healthy."""
        return self.launch(name, read_procfile()[name], **environment).wait_until_healthy()

    def launch(self, name: str, command: list[str], **environment: str) -> Process:
        """Start any command in this environment, without waiting for it."""
        port = free_port()
        number = sum(process.name == name for process in self.processes) + 1
        process = Process(
            name,
            command,
            environment={
                **self.environment,
                "MAILSLUICE_METRICS_HOST": "127.0.0.1",
                "MAILSLUICE_METRICS_PORT": str(port),
                **environment,
            },
            log_path=self.directory / f"{name}.{number}.log",
            port=port,
        )
        self.processes.append(process)
        return process.start()

    def run(self, name: str, command: list[str]) -> None:
        """Run a command of this installation to its end.

        Raises:
            ProcessError: it failed.
        """
        process = self.launch(name, command)
        if process.wait() != 0:
            raise ProcessError(f"{' '.join(command)} failed:\n{process.end_of_log()}")
        self.processes.remove(process)

    @property
    def sqs(self) -> SQSClient:
        """A client of the simulated SQS."""
        return self._session().client("sqs", endpoint_url=self.endpoint_url)

    @property
    def ses(self) -> SESV2Client:
        """A client of the simulated SES."""
        return self._session().client("sesv2", endpoint_url=self.endpoint_url)

    def _session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )

    def _start_database(self) -> None:
        if self._database_url is None:
            self.postgres = PostgresServer(self.directory / "postgres").start()
            self._stack.callback(self.postgres.stop)
            self._database_url = self.postgres.create_database("mailsluice")
        self.environment["DATABASE_URL"] = self._database_url

    def _start_aws(self) -> None:
        port = free_port()
        simulator = Process(
            "aws",
            ["python", "-m", "sandbox.aws", "--port", str(port)],
            environment={},
            log_path=self.directory / "aws.log",
        ).start()
        self._stack.callback(simulator.stop)
        self.endpoint_url = f"http://127.0.0.1:{port}"
        self.control = Control(self.endpoint_url)
        self.environment |= {
            **CREDENTIALS,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_SQS": self.endpoint_url,
            "AWS_ENDPOINT_URL_SNS": self.endpoint_url,
            "AWS_ENDPOINT_URL_SESV2": self.endpoint_url,
            "AWS_SES_CONFIGURATION_SET": CONFIGURATION_SET,
            "EMAIL_FROM": SENDER,
        }
        self._wait_for_aws()
        self._start_s3()

    def _start_s3(self) -> None:
        port = free_port()
        server = Process(
            "s3",
            ["moto_server", "--host", "127.0.0.1", "--port", str(port)],
            environment={},
            log_path=self.directory / "s3.log",
        ).start()
        self._stack.callback(server.stop)
        self.environment["AWS_ENDPOINT_URL_S3"] = f"http://127.0.0.1:{port}"

    def _wait_for_aws(self) -> None:
        retrying = Retrying(
            retry=retry_if_exception_type(HTTPError),
            wait=wait_fixed(0.05),
            stop=stop_after_delay(15),
            reraise=True,
        )
        retrying(self.control.calls)

    def _prepare(self) -> None:
        self.run("migrate", read_procfile()[RELEASE])
        self.run("provision", ["mailsluice", "provision"])
        self.ses.create_email_identity(EmailIdentity=SENDER_DOMAIN)
