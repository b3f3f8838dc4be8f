"""accrue in Airflow: waits for the night's delivery, and runs what is due.

Airflow only wakes accrue. What is due is read from accrue's run history, so that cleared, missed and doubled task
runs change nothing; `catchup` stays off, as accrue makes up for missed dates in order by itself.
"""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator

PROJECT = "/srv/accrue"

with DAG(
    dag_id="accrue",
    description="Loyalty accruals of every business date that is due",
    schedule="*/30 2-10 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    tags=["loyalty"],
) as dag:
    run = BashOperator(
        task_id="run",
        bash_command=f"accrue --project {PROJECT} schedule --once",
        # A delivery that has not come yet: the next wake-up looks again.
        skip_on_exit_code=4,
        execution_timeout=timedelta(hours=6),
    )
    verify = BashOperator(
        task_id="verify",
        bash_command=f"accrue --project {PROJECT} verify",
        retries=0,
    )
    run >> verify
