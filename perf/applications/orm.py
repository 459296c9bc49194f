"""An object-relational mapper: SQLAlchemy writes two tables of an SQLite database in memory and queries them."""

from sqlalchemy import Column, ForeignKey, Integer, String, create_engine, func
from sqlalchemy.orm import Session, declarative_base, joinedload, relationship

Base = declarative_base()


class Customer(Base):
    __tablename__ = "customers"
    id = Column(Integer, primary_key=True)
    name = Column(String)
    orders = relationship("Order", back_populates="customer")


class Order(Base):
    __tablename__ = "orders"
    id = Column(Integer, primary_key=True)
    cents = Column(Integer)
    customer_id = Column(Integer, ForeignKey("customers.id"))
    customer = relationship("Customer", back_populates="orders")


def main():
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for number in range(25):
            customer = Customer(name=f"customer {number}")
            customer.orders = [Order(cents=100 * number + i) for i in range(3)]
            session.add(customer)
        session.commit()
        rich = session.query(Customer).join(Order).group_by(Customer.id).having(func.sum(Order.cents) > 3000)
        for customer in rich.options(joinedload(Customer.orders)):
            customer.orders[0].cents -= 1
        session.commit()
        return session.query(func.sum(Order.cents)).scalar()
